#!/usr/bin/env bash
# octoDNS, unchanged from PyPI, against the simulator: create (enough records for three pages), plan nothing, change,
# plan nothing, delete, plan nothing. Fails with a message at the first plan that is not what it should be.
# Needs python3 with venv, and the package index. Bounded: octoDNS would otherwise sleep 300 s after a 429.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in python3 curl setsid timeout; do
  command -v "$tool" >/dev/null || { echo "octodns: $tool is missing" >&2; exit 1; }
done
work=$(mktemp -d)
simulator=
finish() {
  # npm does not hand a signal on to what its shell runs, so the signal goes to the whole group.
  if [ -n "$simulator" ]; then kill -- "-$simulator" 2>/dev/null || true; wait "$simulator" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "octodns: $1" >&2; [ ! -f "$work/last.log" ] || cat "$work/last.log" >&2; exit 1; }

python3 -m venv "$work/venv"
timeout 120 "$work/venv/bin/pip" install --quiet octodns==1.22.0 octodns-cloudflare==1.2.0 \
  || fail "could not be installed"

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

cat >"$work/config.yaml" <<YAML
providers:
  desired: {class: octodns.provider.yaml.YamlProvider, directory: $work/zones, default_ttl: 300, enforce_order: false}
  simulator:
    class: octodns_cloudflare.CloudflareProvider
    token: peer-token
    api_url: $base
    records_per_page: 100
    retry_count: 0
zones:
  example.test.: {sources: [desired], targets: [simulator]}
YAML
mkdir "$work/zones"

# sync STATE [--force] applies the zone file of that state; the plan it was is left in last.log.
sync() {
  python3 test/peers/octodns/zone.py "$1" >"$work/zones/example.test.yaml"
  timeout 60 "$work/venv/bin/octodns-sync" --config-file="$work/config.yaml" --doit "${@:2}" >"$work/last.log" 2>&1 \
    || fail "the sync to $1 failed"
}
expect_nothing() {
  timeout 60 "$work/venv/bin/octodns-sync" --config-file="$work/config.yaml" >"$work/last.log" 2>&1 \
    || fail "the plan after $1 failed"
  grep -q 'No changes were planned' "$work/last.log" || fail "the second plan after $1 is not empty:"
  echo "octodns: $1, then nothing planned, $(records) records"
}
records() {
  curl -fsS -H 'Authorization: Bearer peer-token' "$base/zones/$zone/dns_records/usage" \
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["result"]["record_usage"])'
}
zone=$(curl -fsS -H 'Authorization: Bearer peer-token' "$base/zones?name=example.test" \
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["result"][0]["id"])')

sync first
expect_nothing "created"
[ "$(records)" -gt 250 ] || fail "there are too few records to page"
sync second --force
expect_nothing "changed"
sync empty --force
expect_nothing "deleted"
[ "$(records)" -eq 0 ] || fail "$(records) records are left"
