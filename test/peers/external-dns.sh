#!/usr/bin/env bash
# external-dns' own planner and Cloudflare provider, unchanged from the Go module proxy, against the simulator: create
# (enough records for three pages), plan nothing, change, plan nothing, delete, plan nothing. Fails with a message at
# the first plan that is not what it should be. Needs Go; a cold build takes about two minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in go python3 setsid timeout; do
  command -v "$tool" >/dev/null || { echo "external-dns: $tool is missing" >&2; exit 1; }
done
work=$(mktemp -d)
simulator=
finish() {
  # npm does not hand a signal on to what its shell runs, so the signal goes to the whole group.
  if [ -n "$simulator" ]; then kill -- "-$simulator" 2>/dev/null || true; wait "$simulator" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "external-dns: $1" >&2; [ ! -f "$work/last.log" ] || tail -n 50 "$work/last.log" >&2; exit 1; }

(cd test/peers/external-dns && timeout 220 go build -mod=readonly -o "$work/peer" .) || fail "could not be built"

setsid npm run --silent simulate:cloudflare -- --port 0 --plan business --token peer-token >"$work/simulator.log" 2>&1 &
simulator=$!
base=
for _ in $(seq 200); do
  base=$(sed -n 's/.* at \(http[^ ]*\) .*/\1/p' "$work/simulator.log")
  [ -z "$base" ] || break
  kill -0 "$simulator" 2>/dev/null || fail "the simulator did not start: $(cat "$work/simulator.log")"
  sleep 0.1
done
[ -n "$base" ] || fail "the simulator did not say where it listens"
export CF_API_TOKEN=peer-token CLOUDFLARE_BASE_URL=$base

# expect STATE current create update delete [-plan-only]: one round must see and plan exactly that.
expect() {
  python3 test/peers/external-dns/endpoints.py "$1" >"$work/$1.json"
  local want="{\"current\":$2,\"create\":$3,\"update\":$4,\"delete\":$5}" got
  got=$(timeout 60 "$work/peer" -desired "$work/$1.json" -per-page 100 "${@:6}" 2>"$work/last.log") \
    || fail "the round to $1 failed"
  [ "$got" = "$want" ] || fail "the plan to $1 is $got where it should be $want"
}
count=$(python3 test/peers/external-dns/endpoints.py first | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')
changed=$(python3 test/peers/external-dns/endpoints.py changes)
[ "$count" -gt 250 ] || fail "there are too few records to page"

expect first 0 "$count" 0 0
expect first "$count" 0 0 0 -plan-only
echo "external-dns: $count sets created, then nothing planned"
expect second "$count" 0 "$changed" 0
expect second "$count" 0 0 0 -plan-only
echo "external-dns: $changed sets changed, then nothing planned"
expect empty "$count" 0 0 "$count"
expect empty 0 0 0 0 -plan-only
echo "external-dns: all deleted, then nothing planned"
