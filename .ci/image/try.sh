# Tries the image: run without any privilege, requested to draw, stopped. Read by .ci/image/image.sh.
#
#   image -> [try_image] -> one line a check, or what was found and expected
#
# IMAGE_ATTACKS=FOLDER attacks it as well (python -m load.stress attacks): ten minutes more.

LARGEST_MB=1000 # of which OpenVINO takes 180, for half the CPU a picture
LONGEST_START_S=30 # on a busy machine
LONGEST_END_S=5 # after its worker was killed or stopped
RIGHTS="--read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges --memory 1g --pids-limit 256"

CONTAINER=zoetrope-test-$$
OUTSIDE= # the process of the service outside of the container

try_image() {
    command -v curl >/dev/null || die "no curl here, which sends the requests"
    check_size
    start_container
    check_rights
    check_contents
    check_responses
    check_same_bytes_as_outside
    check_attacks
    check_stop
    check_struck_worker 9 killed
    check_struck_worker STOP stopped
    check_unknown_user
    check_without_temporary_folder
    say "passed"
}

check_size() {
    megabytes=$(($("$ENGINE" image inspect --format '{{.Size}}' "$IMAGE") / 1000000))
    say "$megabytes MB (fewer than $LARGEST_MB), in layers of:"
    "$ENGINE" history --no-trunc --format '{{.Size}} | {{.CreatedBy}}' "$IMAGE" | tr -s '\t ' '  ' |
        grep -i '^[0-9.]* \{0,1\}[mg]b' | sed 's#|.*/bin/sh -c#|#' | cut -c1-110
    [ "$megabytes" -lt "$LARGEST_MB" ] || die "the image has $megabytes MB; expected fewer than $LARGEST_MB"
}

start_container() {
    port=$(free_port)
    URL=http://127.0.0.1:$port
    started=$(now)
    # shellcheck disable=SC2046,SC2086 # lists of options
    "$ENGINE" run --detach --name "$CONTAINER" $(network_of "$port") $RIGHTS "$FRESH" >/dev/null
    wait_until_ready
    say "ready after $(since "$started") s (within $LONGEST_START_S)"
    before "$started" "$LONGEST_START_S" || die "ready too late; expected within $LONGEST_START_S s"
}

wait_until_ready() { # since $started
    until curl -fs --max-time 2 -o "$WORK/readyz" "$URL/readyz"; do
        [ "$("$ENGINE" inspect --format '{{.State.Running}}' "$CONTAINER")" = true ] || die "the container ended"
        before "$started" 60 || die "the container is not ready after 60 s; expected within $LONGEST_START_S s"
        sleep 0.2
    done
}

check_rights() {
    status=$(inside 'cat /proc/[0-9]*/status || true') # of every process; one may end meanwhile
    users=$(echo "$status" | awk '/^Uid:/ {print $2}' | sort -u | paste -sd' ' -)
    case " $users " in *" 0 "*) die "its processes run as user $users; expected none of root, 0" ;; esac
    say "run by user $users"
    expect "capabilities" "$(echo "$status" | awk '/^Cap(Prm|Eff|Bnd):/ {print $2}' | sort -u)" 0000000000000000
    expect "no new privileges" "$(echo "$status" | awk '/^NoNewPrivs:/ {print $2}' | sort -u)" 1
    expect "writing next to the code" "$(inside 'touch src/x 2>/dev/null && echo done || echo refused')" refused
}

check_contents() {
    # shellcheck disable=SC2016 # $tool is the container's
    tools=$(inside 'for tool in gcc cc g++ clang make git; do command -v $tool; done; echo none')
    expect "compilers and git inside" "$tools" none
    expect "torch inside" "$(inside 'python -c "import torch" 2>/dev/null && echo there || echo none')" none
    inside 'python -c "
import importlib.metadata
for each in importlib.metadata.distributions():
    print(each.name, each.version, sep=\"==\")"' | as_canonical | sort >"$WORK/installed"
    grep -v '^#' constraints.txt | as_canonical >"$WORK/constraints"
    different=$(awk -F== 'NR == FNR {wanted[$1] = $2; next} $1 in wanted && wanted[$1] != $2' \
        "$WORK/constraints" "$WORK/installed" | paste -sd' ' -)
    expect "packages of other versions than constraints.txt's" "${different:-none}" none
    say "$(grep -c == "$WORK/installed") packages inside"
}

check_responses() {
    expect "GET /livez" "$(status_of "$URL/livez")" 200
    expect "GET /models" "$(status_of "$URL/models")" 200
    expect "POST /generate of -1 pictures" "$(status_of "$URL/generate" '{"n":-1}')" 422
    expect "POST /ratings without a key" "$(status_of "$URL/ratings" '[]')" 403
    ask "$URL" '{"n":64,"seed":7,"format":"png"}' "$WORK/sheet.png"
    expect "signature of a PNG sheet" "$(od -An -tx1 -N8 "$WORK/sheet.png" | tr -d ' ')" 89504e470d0a1a0a
}

check_same_bytes_as_outside() {
    port=$(free_port)
    # In the shell of its own: `exec` makes its pid that of the service.
    (exec env ZOETROPE_MODELS=models ZOETROPE_DEVICE=cpu bentoml serve --host 127.0.0.1 --port "$port" \
        >"$WORK/outside.log" 2>&1) &
    OUTSIDE=$!
    started=$(now)
    until curl -fs --max-time 2 -o "$WORK/readyz" "http://127.0.0.1:$port/readyz"; do
        before "$started" 60 || die "the service outside is not ready after 60 s: $(tail -3 "$WORK/outside.log")"
        sleep 0.2
    done
    ask "$URL" '{"n":64,"seed":7,"format":"npy"}' "$WORK/inside.npy"
    ask "http://127.0.0.1:$port" '{"n":64,"seed":7,"format":"npy"}' "$WORK/outside.npy"
    cmp "$WORK/inside.npy" "$WORK/outside.npy" || die "the same address gave other bytes inside than outside"
    say "the same pictures inside and outside: $(python -c '
import sys
import numpy
pictures = numpy.load(sys.argv[1])
print(pictures.dtype, pictures.shape, "SHA-256", sys.argv[2][:16])' \
        "$WORK/inside.npy" "$(sha256 "$WORK/inside.npy")")"
}

check_attacks() { # where IMAGE_ATTACKS names a folder for what is found: 10,000 mutants, slow and idle clients, minutes
    [ -n "${IMAGE_ATTACKS:-}" ] || return 0
    pid=$("$ENGINE" inspect --format '{{.State.Pid}}' "$CONTAINER")
    say "attacking it; what is found goes to $IMAGE_ATTACKS"
    python -m load.stress attacks --url "$URL" --pid "$pid" --out "$IMAGE_ATTACKS" || die "an attack succeeded, see above"
    expect "killed for its memory" "$("$ENGINE" inspect --format '{{.State.OOMKilled}}' "$CONTAINER")" false
}

check_stop() {
    started=$(now)
    "$ENGINE" stop -t 15 "$CONTAINER" >/dev/null # SIGTERM, and SIGKILL after 15 s, which would be exit code 137
    expect "exit code on SIGTERM" "$("$ENGINE" inspect --format '{{.State.ExitCode}}' "$CONTAINER")" 0
    say "stopped after $(since "$started") s"
}

check_struck_worker() { # signal its-name: it ends with an error, so that its engine can start it again
    "$ENGINE" start "$CONTAINER" >/dev/null
    started=$(now)
    wait_until_ready
    # shellcheck disable=SC2016 # $(...) is the container's
    inside 'kill -'"$1"' $(cat /proc/1/task/1/children)'
    started=$(now)
    while [ "$("$ENGINE" inspect --format '{{.State.Running}}' "$CONTAINER")" = true ]; do
        before "$started" "$LONGEST_END_S" ||
            die "it runs after its worker was $2; expected its end within $LONGEST_END_S s"
        sleep 0.1
    done
    say "ended $(since "$started") s after its worker was $2 (within $LONGEST_END_S)"
    expect "exit code then" "$("$ENGINE" inspect --format '{{.State.ExitCode}}' "$CONTAINER")" 1
}

check_unknown_user() { # one that no file of the image knows, and whose home is not there
    "$ENGINE" rm --force "$CONTAINER" >/dev/null
    RIGHTS="$RIGHTS --user 4711:4711 --env HOME=/nowhere"
    start_container
    expect "its user" "$(inside 'id -u')" 4711
    "$ENGINE" rm --force "$CONTAINER" >/dev/null
}

check_without_temporary_folder() {
    everywhere=--read-only
    [ "$ENGINE" = docker ] || everywhere="--read-only --read-only-tmpfs=false"
    # shellcheck disable=SC2046,SC2086 # lists of options
    "$ENGINE" run --name "$CONTAINER" $(network_of "$(free_port)") $everywhere "$FRESH" >"$WORK/no-tmp.log" 2>&1 &&
        die "it ran without a folder that can be written; expected exit code 1"
    expect "exit code without a folder that can be written" \
        "$("$ENGINE" inspect --format '{{.State.ExitCode}}' "$CONTAINER")" 1
    expect "lines of stacks then" "$(grep -c '^Traceback\|^  File' "$WORK/no-tmp.log" || true)" 0
    grep '^error: No usable temporary' "$WORK/no-tmp.log" || die "it says: $(tail -3 "$WORK/no-tmp.log")"
}

stop_services() { # exit code so far
    [ -z "$OUTSIDE" ] || kill "$OUTSIDE" 2>/dev/null || true
    [ -z "$OUTSIDE" ] || wait "$OUTSIDE" || true
    if [ "$1" != 0 ] && "$ENGINE" inspect "$CONTAINER" >/dev/null 2>&1; then
        echo "image: the last lines of the container:" >&2
        "$ENGINE" logs "$CONTAINER" 2>&1 | tail -12 >&2
    fi
    "$ENGINE" rm --force "$CONTAINER" >/dev/null 2>&1 || true
}

expect() { # what found expected
    [ "$2" = "$3" ] || die "$1: found $2, expected $3"
    say "$1: $2"
}

ask() { # url question file
    curl -fsS --max-time 60 -H 'Content-Type: application/json' -d "$2" -o "$3" "$1/generate" ||
        die "POST $1/generate of $2 was not answered with pictures"
}

status_of() { # url [question]
    if [ $# = 2 ]; then set -- "$1" -H 'Content-Type: application/json' -d "$2"; fi
    curl -s --max-time 60 -o "$WORK/answer" -w '%{http_code}' "$@" || true
}

inside() { "$ENGINE" exec "$CONTAINER" sh -c "$1"; }

as_canonical() { tr 'A-Z_.' 'a-z--'; } # a package is written in several ways: Jinja2, zope.event, flask_cors

sha256() { python -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

free_port() { python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

now() { python -c 'import time; print(time.time())'; }

since() { awk "BEGIN {printf \"%.1f\", $(now) - $1}"; }

before() { awk "BEGIN {exit !($(now) - $1 < $2)}"; } # start seconds: are they not over?
