#!/bin/sh
# dependencies.sh MODULES OUT: the packages without what only compilers, editors and readers of sources want.
set -eu
mkdir -p "$2/app"
cp -a "$1" "$2/app/node_modules"
cd "$2/app/node_modules"
rm -rf .bin .package-lock.json effect/src effect/ai-docs @effect/*/src cloudflare/src
find . -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' -o -name '*.tsbuildinfo' \) -delete
find . -type d -empty -delete
find "$2" -exec touch -h -d @0 {} +
