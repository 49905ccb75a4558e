#!/bin/sh
# application.sh OUT: our own files with the command on the PATH, and a directory that an ordinary user may write to.
set -eu
mkdir -p "$1/app" "$1/usr/local/bin" "$(dirname "$1")/writable/data"
cp -r package.json LICENSE migrations src "$1/app/"
mv "$(dirname "$1")/sbom.cdx.json" "$1/app/"
ln -s /app/src/cli/main.ts "$1/usr/local/bin/driftless"
chmod -R a+rX,go-w "$1"
chmod a+x "$1/app/src/cli/main.ts"
find "$1" "$(dirname "$1")/writable" -exec touch -h -d @0 {} +
