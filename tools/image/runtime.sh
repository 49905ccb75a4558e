#!/bin/sh
# runtime.sh PACKAGE OUT: Node from npm's platform package, and the one library that a slim Debian lacks.
set -eu
mkdir -p "$2/usr/local/bin" "$2/usr/lib"
cp "$1"/node_modules/node-linux-*/bin/node "$2/usr/local/bin/node"
cp -L "$(ldconfig -p | awk '/libatomic\.so\.1/ { print $NF; exit }')" "$2/usr/lib/libatomic.so.1"
find "$2" -exec touch -h -d @0 {} +
