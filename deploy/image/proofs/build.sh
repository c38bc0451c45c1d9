# shellcheck shell=bash
# Proofs of deploy/image/verify, which sources this file: what is built.
# shellcheck disable=SC2154 # what it and tools.sh set

largest=$((25 * 1000 * 1000)) # bytes of an image, compressed

# prove_lint also plants faults, as a linter that finds nothing may be looking at nothing.
prove_lint() {
  go -C deploy/image/tools vet ./...
  go -C deploy/image/tools mod tidy -diff
  if command -v shellcheck >/dev/null || install shellcheck; then
    shellcheck -x deploy/release deploy/image/{build,bases,run-worker,verify}
    says "shellcheck finds nothing in the scripts"
  else
    says "SKIPPED shellcheck: it is missing and cannot be installed"
  fi
  go -C deploy/image/tools build -o "$work/" ./dockerlint
  "$work/dockerlint" Dockerfile || fails "the Dockerfile is not as BuildKit's rules have it"
  sed 's/^FROM gcr/from gcr/; s/^CMD .*/CMD worker run/; s/\$VERSION/$VERSOIN/' Dockerfile >"$work/faulty"
  "$work/dockerlint" "$work/faulty" >"$work/found" && fails "a Dockerfile with three faults passes"
  local rule
  for rule in ConsistentInstructionCasing JSONArgsRecommended UndefinedVar; do
    grep -q "$rule" "$work/found" || fails "the linter does not find the fault planted for $rule"
  done
  says "BuildKit's linter finds nothing in the Dockerfile, and finds three faults planted in it"
}

# offline runs a command without a network: not even the loopback is up.
offline() { unshare --net "$@"; }

prove_release() {
  go mod download
  go -C deploy/image/tools build -o "$work/" github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
  SECONDS=0
  offline deploy/release "${as_here[@]}" >"$work/release.log" 2>&1 || { cat "$work/release.log"; fails "no release"; }
  (cd "$DIST" && sha256sum --quiet --strict --check SHA256SUMS && [ "$(wc -l <SHA256SUMS)" = 9 ]) ||
    fails "SHA256SUMS does not stand for the nine files"
  local sbom
  for sbom in "$DIST"/*.cdx.json; do
    jq -e --arg v "$version" '.bomFormat == "CycloneDX" and .metadata.component.version == $v
      and ([.components[].name] | index("github.com/aws/aws-sdk-go-v2/service/sqs") and index("std"))' "$sbom" >/dev/null ||
      fails "$(basename "$sbom") does not name what the worker is made of"
  done
  says "make release without a network, in ${SECONDS}s: binaries and SBOMs for linux and darwin on amd64 and arm64, an image for both, checksums; version $version"
}

# unpack opens an OCI archive, and prints the manifest's digest for each platform.
unpack() { # ARCHIVE FOLDER
  rm -rf "$2"
  mkdir "$2"
  tar -C "$2" -xf "$1"
  jq -r '.manifests[] | .platform.architecture + " " + .digest' "$2/$(blob "$(jq -r '.manifests[0].digest' "$2/index.json")")"
}

blob() { echo "blobs/${1/://}"; }

prove_contents() {
  local archive layout=$work/layout arch digest manifest config size layer
  archive=$(echo "$DIST"/*_image.oci.tar)
  unpack "$archive" "$layout" >"$work/platforms"
  [ "$(cut -d' ' -f1 "$work/platforms" | sort | xargs)" = "amd64 arm64" ] || fails "the archive has: $(cat "$work/platforms")"
  while read -r arch digest; do
    manifest=$layout/$(blob "$digest")
    config=$layout/$(blob "$(jq -r .config.digest "$manifest")")
    size=$(jq '.config.size + ([.layers[].size] | add)' "$manifest")
    [ "$size" -le $largest ] || fails "the image for $arch has $size bytes, compressed"
    jq -e --arg v "$version" --arg a "$arch" '.architecture == $a and .os == "linux" and
      (.config | .User == "65532:65532" and .Entrypoint == ["/usr/local/bin/worker"] and .Cmd == ["run"]
        and .Labels["org.opencontainers.image.version"] == $v)' "$config" >/dev/null || fails "the configuration for $arch is: $(cat "$config")"
    layer=$layout/$(blob "$(jq -r '.layers[-1].digest' "$manifest")")
    [ "$(tar -tzf "$layer" | grep -v '/$')" = usr/local/bin/worker ] || fails "the layer for $arch has: $(tar -tzf "$layer")"
    mkdir -p "$work/$arch"
    tar -C "$work/$arch" -xzf "$layer"
    tar -xzOf "$DIST/worker_${version}_linux_$arch.tar.gz" | cmp - "$work/$arch/usr/local/bin/worker" ||
      fails "the image's binary for $arch is not the release's"
    go version -m "$work/$arch/usr/local/bin/worker" | grep -q CGO_ENABLED=0 || fails "the binary for $arch is not static"
    says "linux/$arch: $((size / 1000)) kB compressed, with the base's stand-in; one file beside the base: the static binary, the release's own to the byte; user 65532"
  done <"$work/platforms"
  podman_here load --quiet --input "$archive" >/dev/null
  [[ $(podman_here run --rm --network=none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$IMAGE" version) == "worker $version (go"* ]] || fails "worker version says something else"
  says "podman loads the archive, and the worker in it says that it is $version"
}

# prove_reproducible builds a copy in another folder, with other file times, and with
# every cache cold.
prove_reproducible() {
  local machine first second
  machine=$(go env GOARCH)
  rm -rf "$work/copy" "$work/cold"
  mkdir "$work/copy" "$work/cold"
  git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -c | tar -C "$work/copy" -xm
  CONTEXT=$work/copy PLATFORMS=linux/$machine TMPDIR=$work/cold \
    offline deploy/image/build "$work/second.oci.tar" --no-cache "${as_here[@]}" >"$work/build.log" 2>&1 ||
    { cat "$work/build.log"; fails "no second build"; }
  first=$(grep "^$machine " "$work/platforms")
  second=$(unpack "$work/second.oci.tar" "$work/second")
  [ "$first" = "$second" ] || fails "two builds are two images: $first and $second"
  says "built again from another folder with cold caches, without a network: the same image, ${first#* }"
}
