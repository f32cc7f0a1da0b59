#!/usr/bin/env bash
# Is /openapi.json true? schemathesis of PyPI reads it from a running server and attacks every route of it: what is allowed, what is
# not, and what nobody would send; every answer must be one that the description knows. One line for each mistake that it found and
# "N passed, N failed" at the end: routes are what is counted.
#
# The seed is fixed, so a failure comes again. Left out: streams that do not end (events), the registry's own protocol, which the
# conformance suite tests, workers, contexts (schemathesis writes no tar), and starting operations (a backup goes wherever its options say).
#
# SLIPWAY_PROGRAM names another program than the release build's.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/serve.sh

version=4.32.5
seed=20261127
budget=150 # seconds of attacking
work=$PWD/build/openapi

program=${SLIPWAY_PROGRAM:-}
if [[ -z $program ]]; then
  cmake --preset release
  cmake --build --preset release --target slipway
  program=$PWD/build/release/bin/slipway
fi

mkdir -p "$work"
if [[ ! -x $work/venv/bin/schemathesis ]]; then
  if ! python3 -m venv "$work/venv" 2>/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
    python3 -m venv "$work/venv"
  fi
  "$work/venv/bin/pip" install --quiet "schemathesis==$version"
fi

# No route leads builds to a backend: they wait, and nothing is started.
cat >"$work/config.yaml" <<'YAML'
builds:
  routes:
    - {repository: none, backends: [local]}
YAML
start_server "$program" --config "$work/config.yaml"

checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance
checks+=,response_schema_conformance,unsupported_method,ignored_auth
report=$work/report.json
rm -f "$report"
(
  cd "$work" # where it keeps what it learned
  rm -rf .hypothesis
  timeout 230 venv/bin/schemathesis run "$url/openapi.json" --seed "$seed" --max-time "$budget" --workers 1 \
    --header "Authorization: Bearer $(cat "$server_folder/data/admin.token")" --phases examples,coverage,fuzzing --checks "$checks" \
    --include-path-regex '^/(api/v1|hooks|healthz|readyz|metrics|openapi)' --exclude-path-regex 'events$|contexts$|admin/\{kind\}$' \
    --request-timeout 20 --suppress-health-check all --warnings off --continue-on-failure \
    --report json --report-json-path "$report" >"$work/output.txt" 2>&1
) || true
if ! kill -0 "$server" 2>/dev/null; then
  echo "the server died"
  tail -50 "$server_folder/log"
  echo "0 passed, 1 failed"
  exit 1
fi
python3 - "$report" <<'PYTHON' || { tail -150 "$work/output.txt"; exit 1; }
import json
import sys

report = json.load(open(sys.argv[1]))
failed = set()
for failure in report["failures"]:
    for operation in failure["operations"]:
        name = operation if isinstance(operation, str) else operation.get("label") or json.dumps(operation)
        failed.add(name)
        print(f"  {name}: {failure['title']}")
counts = report["operations"]
lost = counts["errored"] + counts["selected"] - counts["tested"]
print(f"{report['test_cases']['generated']} requests, seed {report['seed']}")
print(f"{counts['tested'] - len(failed)} passed, {len(failed) + lost} failed")
sys.exit(1 if failed or lost or counts["tested"] == 0 else 0)
PYTHON
