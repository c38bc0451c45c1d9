# shellcheck shell=bash
# Tools and storage of deploy/image/verify, which sources this file.
# shellcheck disable=SC2154 # work is its folder

# tools_are_there installs what is missing, where it can. Where it cannot, nothing of
# what follows can be proven, and E2E_REQUIRE_STANDINS=1 makes that a failure.
tools_are_there() {
  local missing=()
  needs() { command -v "$1" >/dev/null || missing+=("$2"); }
  needs buildah buildah
  needs podman podman
  needs runc runc
  needs jq jq
  needs unshare util-linux
  busybox_is_static || missing+=(busybox-static)
  [ -f /usr/share/zoneinfo/UTC ] || missing+=(tzdata)
  [ -f /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  if [ "$(id -u)" != 0 ]; then
    skips "this is not root"
    return 1
  fi
  if [ ${#missing[@]} != 0 ] && ! install "${missing[@]}"; then
    skips "these packages are missing and cannot be installed: ${missing[*]}"
    return 1
  fi
}

# A dynamic one cannot run in an image without its libraries.
busybox_is_static() { command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }

install() { # PACKAGE…
  command -v apt-get >/dev/null || return 1
  says "installing $*"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1
}

skips() { # WHY
  says "SKIPPED building and running the image: $1"
  [ "${E2E_REQUIRE_STANDINS:-}" != 1 ] || fails "nothing may be skipped here"
}

# own_storage points buildah and podman at a storage that nobody else uses, with the
# driver and the isolation that work within a container as well, and sets what all
# proofs share.
own_storage() {
  export CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot IMAGE_BUILDER=buildah TMPDIR=$work/tmp
  if [ ! -f "$work/storage.conf" ]; then
    mkdir -p "$work/tmp"
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$work/graph" "$work/run" >"$work/storage.conf"
    deploy/image/bases
  fi
  version=$(git describe --tags --always --dirty)
  export VERSION=$version DIST=$work/dist IMAGE=localhost/managed-thing-updater:$version
  # The machine's Go in the place of the base's, and its module cache in the place of
  # a module proxy.
  as_here=(--pull-never --volume "$(go env GOROOT):/usr/local/go:ro"
    --volume "$(go env GOMODCACHE)/cache/download:/modules:ro" --build-arg GOPROXY=file:///modules)
}

podman_here() { podman --runtime runc --cgroup-manager=cgroupfs --log-level=error "$@"; }
