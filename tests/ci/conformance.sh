#!/usr/bin/env bash
# The OCI distribution specification's conformance suite against `slipway serve`, for the stable and the developing version of the
# specification, with sparse data. Prints "N passed, N failed, N skipped" for each; anything failed or skipped is a failure.
#
# The suite's exit status is not to be trusted (a mistake in its configuration exits 0): the counts of its report are what counts.
# Its sparse data has an image without one of its layers, which a mirror may take and a registry should not: the server runs with
# registry.sparse_images for it. SLIPWAY_PROGRAM names another program than the release build's.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/serve.sh

module=github.com/opencontainers/distribution-spec/conformance
version=v0.0.0-20260831232431-97274622c111
work=$PWD/build/conformance

program=${SLIPWAY_PROGRAM:-}
if [[ -z $program ]]; then
  cmake --preset release
  cmake --build --preset release --target slipway
  program=$PWD/build/release/bin/slipway
fi

if ! command -v go >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq golang
fi
mkdir -p "$work"
GOBIN=$work/bin go install -buildvcs=false "$module@$version"

echo 'registry: {sparse_images: true}' >"$work/config.yaml"
start_server "$program" --config "$work/config.yaml" --anonymous push
address=${url#http://}

count() { # FILE WORD: the number behind "  Word....: " in the report's counts
  sed -n "/^OCI Conformance Result:/,/^\$/s/^ *$2\.*: *\([0-9]*\)\$/\1/p" "$1"
}

status=0
for spec in stable dev; do
  report=$work/report-$spec.txt
  OCI_REGISTRY=$address OCI_TLS=disabled OCI_VERSION=$spec OCI_DATA_SPARSE=true \
    OCI_REPO1=conformance/$spec-1 OCI_REPO2=conformance/$spec-2 OCI_RESULTS_DIR=$work/results-$spec \
    "$work/bin/conformance" >"$report" 2>"$work/errors-$spec.txt" || true
  passed=$(count "$report" Pass)
  failed=$(count "$report" FAIL)
  errors=$(count "$report" Error)
  skipped=$(count "$report" Skip)
  if [[ -z $passed || -z $failed || -z $errors || -z $skipped ]]; then
    echo "$spec: the suite gave no counts:"
    cat "$work/errors-$spec.txt"
    status=1
    continue
  fi
  echo "$spec: $passed passed, $((failed + errors)) failed, $skipped skipped"
  if ((passed == 0 || failed + errors + skipped > 0)); then
    grep -E ': (FAIL|Error|Skip)$' "$report" || true
    status=1
  fi
done
exit "$status"
