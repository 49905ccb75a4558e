#!/usr/bin/env bash
# Everything about the chart that needs Go tools, helm or an API server: lint, the tests of its templates, its generated
# files, and, where KUBECONFIG names a cluster, what the API server says of every manifest. Changes nothing there.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CGO_ENABLED=0 GOFLAGS=
chart=$PWD/helm/driftless

# The chart has no snapshots, and a count of none of them looks like a run without tests.
(cd tools/chart && go tool helm-unittest "$chart") | sed '/^Snapshot:/d'
node tools/chart/main.ts --check

readme=$(mktemp)
trap 'rm -f "$readme"' EXIT
(cd tools/chart && go tool helm-docs --chart-search-root "$chart" --dry-run --log-level error) >"$readme"
diff -u "$chart/README.md" "$readme" || { echo 'helm/driftless/README.md is not what its source says; run: helm-docs' >&2; exit 1; }

if ! command -v helm >/dev/null; then echo 'left out: helm lint and the API server (there is no helm)' >&2; exit 0; fi
helm lint --strict --quiet "$chart"
if [ -z "${KUBECONFIG:-}" ]; then echo 'left out: what the API server says of the manifests (no KUBECONFIG)' >&2; exit 0; fi

# The operator's kinds are not there, so what is for it is left out. Definitions that are there are somebody's.
everything=(--set replicas=3 --set database.existingSecret=app --set networkPolicy.enabled=true --set dashboards.enabled=true)
for sets in '' "${everything[*]}"; do
  # shellcheck disable=SC2086 # words
  helm template driftless "$chart" --namespace default $sets |
    kubectl apply --dry-run=server --server-side --force-conflicts --namespace default --validate=strict -f - >/dev/null
done
echo 'the API server takes every manifest'
