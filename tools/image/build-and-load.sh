#!/usr/bin/env bash
# build-and-load.sh [NAME:TAG [DIRECTORY]]: builds the image and puts it where a cluster's nodes find it. How that is
# done depends on the cluster, so the command is given by DRIFTLESS_IMAGE_LOADER and gets the file of `docker save` as
# its argument: for kind `kind load image-archive`, for k3s `k3s ctr images import`. Without one it is only built.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=${1:-driftless:test}
# Whatever the machine needs to reach its registry (proxies, names) holds in the build, too.
docker build --quiet --network host --tag "$image" "${2:-.}" >&2
if [ -n "${DRIFTLESS_IMAGE_LOADER:-}" ]; then
  archive=$(mktemp -d)
  trap 'rm -rf "$archive"' EXIT
  docker save "$image" --output "$archive/image.tar"
  $DRIFTLESS_IMAGE_LOADER "$archive/image.tar" >&2
fi
echo "$image"
