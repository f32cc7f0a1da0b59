#!/usr/bin/env bash
# Usage: tests/ctest.sh BUILD_FOLDER [ctest's arguments]
# Runs a build folder's tests in parallel. A test that was skipped, disabled or not built has not passed: it fails the run.
set -euo pipefail

folder=$1
shift
report=$folder/tests.xml
rm -f "$report"
status=0
ctest --test-dir "$folder" --parallel "$(nproc)" --output-on-failure --no-tests=error --output-junit tests.xml "$@" || status=$?

for kind in skipped disabled; do
  count=$(sed -n "s/.*$kind=\"\([0-9]*\)\".*/\1/p" "$report" | head -n 1)
  if [[ $count != 0 ]]; then
    echo "$folder: $count tests $kind, which is not the same as passed" >&2
    status=1
  fi
done
exit "$status"
