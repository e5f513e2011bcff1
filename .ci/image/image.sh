#!/bin/sh
# The container image. `make image` and `make image-test` call this, with .venv/dev/bin first on the PATH.
#
#   sh .ci/image/image.sh build    bentofile.yaml -> bento -> the image zoetrope:cpu, or zoetrope:gpu with EXTRA=gpu
#   sh .ci/image/image.sh test     the same, then runs it and requests pictures: .ci/image/try.sh
#
# With docker or podman, whichever works here; ENGINE=podman chooses. IMAGE_SANDBOX=1 is for a machine to throw away
# that has neither: .ci/image/sandbox.sh.
set -eu
cd "$(dirname "$0")/../.."

EXTRA=${EXTRA:-cpu}
IMAGE=zoetrope:$EXTRA
FRESH=zoetrope:fresh-$$ # a name of its own, so that an older image cannot pass for this build
WORK=
STARTED=$(date +%s)

main() {
    case "${1:-} $EXTRA" in
        "build cpu" | "build gpu" | "test cpu") ;;
        "test gpu") die "only the cpu image is tried: CUDA rounds differently from the service outside. EXTRA=cpu" ;;
        *) die "found '${1:-}' with EXTRA=$EXTRA; expected build or test, and EXTRA=cpu or gpu" ;;
    esac
    WORK=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    [ -z "${IMAGE_SANDBOX:-}" ] || . ./.ci/image/sandbox.sh

    find_engine
    build_image
    if [ "$1" = test ]; then
        . ./.ci/image/try.sh
        try_image
    fi
}

build_image() {
    bundles=$(python -c '
from pathlib import Path
from models.bundle import open_all
print(*(f"{bundle.path} {bundle.card.version}" for bundle in open_all(Path("models"))), sep=", ")') ||
        die "not every bundle in models/ is whole; the last line above says what was found"
    say "packing $bundles"

    # The lock inside of the bento obeys the versions that everything here is tested with. The bento goes when the
    # image is there, so it is made in a store of its own.
    export UV_CONSTRAINT="$PWD/constraints.txt" BENTOML_HOME="$WORK/bentoml"
    mkdir -p "$BENTOML_HOME"
    bento=$(bentoml build --output tag | sed -n 's/^__tag__://p')
    [ -n "$bento" ] || die "bentoml build made no bento; its words are above"

    # bentoml does not fail when the engine fails, hence the look for the image.
    say "building $IMAGE from bento $bento with $ENGINE; a minute or two"
    containerize "$bento" --backend "$ENGINE" --image-tag "$FRESH" || true
    "$ENGINE" image inspect "$FRESH" >/dev/null 2>&1 ||
        die "bentoml containerize made no image; the words of $ENGINE are above"
    "$ENGINE" tag "$FRESH" "$IMAGE"
    say "built $IMAGE"
}

# .ci/image/sandbox.sh has its own of these three.

find_engine() {
    for ENGINE in ${ENGINE:-docker podman}; do
        # Podman that goes by docker's name does not know this format; bentoml would take it for docker.
        case $ENGINE in docker) format='{{.ServerVersion}}' ;; *) format='{{.Version.Version}}' ;; esac
        if "$ENGINE" info --format "$format" >/dev/null 2>&1; then
            return
        fi
    done
    die "no container engine works here. Install docker or podman (and start it), or, as root on a Debian machine \
to throw away: make image-test IMAGE_SANDBOX=1"
}

containerize() {
    DOCKER_BUILDKIT=1 bentoml containerize "$@" # podman too then keeps uv's cache out of the layers
}

network_of() { # port -> options for `run`: the container answers on that port of this machine, and of no other
    echo "--publish 127.0.0.1:$1:3000"
}

clean_up() {
    code=$?
    trap - EXIT
    if [ "$(command -v stop_services)" ]; then stop_services "$code"; fi
    if [ -n "${ENGINE:-}" ]; then "$ENGINE" rmi "$FRESH" >/dev/null 2>&1 || true; fi
    if [ "$(command -v leave_sandbox)" ]; then leave_sandbox; fi
    rm -rf "$WORK"
    exit "$code"
}

say() { echo "image: $(($(date +%s) - STARTED)) s: $*"; }

die() {
    echo "image: FAILED: $*" >&2
    exit 1
}

main "$@"
