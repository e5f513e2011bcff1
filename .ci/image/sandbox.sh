# For `make image-test IMAGE_SANDBOX=1`: root on a Debian machine to throw away, with no container engine, perhaps no
# image registry, and perhaps a package index behind a certificate authority of its own. Read by .ci/image/image.sh.
#
# It installs podman with apt, and keeps all that podman stores in one folder, which goes at the end.
# KEEP=/some/folder holds on to that folder, and the next run finds the base image in it.

STORE=${KEEP:-$WORK/store}
CA_BUNDLE=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
ENGINE=podman

find_engine() {
    [ "$(id -u)" = 0 ] || die "IMAGE_SANDBOX=1 needs root; this is user $(id -u)"
    command -v apt-get >/dev/null || die "IMAGE_SANDBOX=1 needs Debian's apt-get, which is not here"
    install_tools
    configure_podman
    make_base_image
}

install_tools() {
    if command -v podman && command -v runc && command -v mmdebstrap; then return; fi >/dev/null
    say "installing podman, runc and mmdebstrap"
    { apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends podman runc mmdebstrap; } >"$WORK/apt.log" 2>&1 ||
        die "apt-get: $(tail -5 "$WORK/apt.log")"
}

configure_podman() {
    mkdir -p "$STORE/tmp"
    export TMPDIR="$STORE/tmp" # podman's cache mounts of a build lie there
    export CONTAINERS_STORAGE_CONF="$STORE/storage.conf" CONTAINERS_CONF="$STORE/run.conf"
    cat >"$STORE/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$STORE/graph"
runroot = "$STORE/run"
END
    # runc: crun refuses cgroups of versions 1 and 2 side by side. cgroupfs and file: there is no systemd to ask.
    # ulimits: podman's own are higher than a root without CAP_SYS_RESOURCE may set.
    cat >"$STORE/run.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$STORE/libpod"
END
    # While it builds, pip and uv trust whom this machine trusts. These are mounts, so they stay out of the layers;
    # and they are in this file because bentoml hands on no more than one --volume.
    echo 'system-certs = true' >"$STORE/uv.toml"
    sed "s|^\[containers\]|&\nvolumes = [\"$CA_BUNDLE:/etc/ssl/certs/ca-certificates.crt:ro\", \
\"$STORE/uv.toml:/etc/uv/uv.toml:ro\"]|" "$STORE/run.conf" >"$STORE/build.conf"
}

make_base_image() { # a Debian with its own Python, under the name that service/image.py builds upon
    base=$(python -c 'from service.image import image; print(image.base_image)')
    if podman image exists "$base"; then return; fi
    say "making a stand-in for $base out of Debian's packages"
    # Debian's marker file would keep pip from installing uv; and Debian calls its Python python3 only.
    # shellcheck disable=SC2016 # $1 is the hook's
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv \
        --customize-hook='rm -f "$1"/usr/lib/python3.*/EXTERNALLY-MANAGED; ln -s python3 "$1"/usr/bin/python' \
        bookworm "$STORE/base.tar" >"$WORK/base.log" 2>&1 || die "mmdebstrap: $(tail -5 "$WORK/base.log")"
    podman import --quiet "$STORE/base.tar" "$base" >/dev/null
    rm "$STORE/base.tar"
}

containerize() { # on the machine's network: a bridge would leave interfaces and firewall rules behind
    CONTAINERS_CONF="$STORE/build.conf" DOCKER_BUILDKIT=1 bentoml containerize "$@" --opt network=host \
        >"$WORK/build.log" 2>&1 || true
    tail -8 "$WORK/build.log" # of some 200 lines
}

network_of() {
    echo "--network host --env BENTOML_HOST=127.0.0.1 --env BENTOML_PORT=$1"
}

leave_sandbox() {
    [ -z "${KEEP:-}" ] || return 0
    podman rm --all --force >/dev/null 2>&1 || true
    umount "$STORE/graph/overlay" 2>/dev/null || true # overlay's folder is mounted onto itself
    rm -rf "$STORE"
}
