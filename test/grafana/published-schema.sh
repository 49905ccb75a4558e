#!/usr/bin/env bash
# The dashboards against the types that Grafana publishes on npm. Needs the package registry. Fails with the compiler's
# words when a dashboard holds what Grafana does not know, and also when it would not notice that.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "grafana schema: $1" >&2; exit 1; }

npm install --prefix "$work" --no-save --no-fund --no-audit --loglevel=error @grafana/schema@13.2.3 >/dev/null \
  || fail "@grafana/schema could not be installed"
npm exec -- node test/grafana/wire-types.ts >"$work/good.ts"
# The same with a field that no panel has.
sed 's/"showTypeIcons":/"showTypeIcon":/; s/"colorMode":/"colourMode":/' "$work/good.ts" >"$work/bad.ts"

compile() {
  (cd "$work" && npm exec --prefix "$root" -- tsc --noEmit --strict --skipLibCheck --module nodenext --target es2024 \
    --types "" "$1")
}
compile good.ts || fail "the dashboards are not what Grafana publishes"
if compile bad.ts >/dev/null; then fail "a misspelled option was not noticed"; fi
echo "grafana schema: $(ls grafana/dashboards | wc -l) dashboards are as @grafana/schema 13.2.3 says"
