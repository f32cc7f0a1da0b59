#!/usr/bin/env bash
# Each fuzz target of tests/fuzz/ for some seconds with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, from its corpus
# on. A crash, a leak, a hang or too much memory is a failure, and its input is left in build/fuzz/failures/.
#
# fuzz.sh [SECONDS] [TARGET...]: how long each runs (20), and which (all).
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-20}
shift || true
if (($# > 0)); then
  targets=("$@")
else
  targets=(tests/fuzz/fuzz_*.cpp)
  targets=("${targets[@]#tests/fuzz/fuzz_}")
  targets=("${targets[@]%.cpp}")
fi

cmake/dependencies.sh
if ! command -v clang++-16 >/dev/null || ! compgen -G '/usr/lib/llvm-16/lib/clang/16/lib/*/libclang_rt.fuzzer*' >/dev/null; then
  privileged=()
  if ((EUID != 0)); then
    privileged=(sudo)
  fi
  "${privileged[@]}" apt-get update -qq
  "${privileged[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends clang-16 libclang-rt-16-dev llvm-16
fi
cmake --preset fuzz
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

failures=build/fuzz/failures
rm -rf "$failures"
mkdir -p "$failures"

fuzz() { # TARGET
  local found=build/fuzz/found/$1
  rm -rf "$found"
  mkdir -p "$found"
  UBSAN_OPTIONS=print_stacktrace=1 ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-16) \
    "build/fuzz/bin/fuzz_$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$failures/$1-" "$found" "tests/fuzz/corpus/$1" >"build/fuzz/$1.log" 2>&1
}

passed=0
failed=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do # two at a time
  pids=()
  pair=("${targets[@]:i:2}")
  for target in "${pair[@]}"; do
    fuzz "$target" &
    pids+=($!)
  done
  for at in "${!pair[@]}"; do
    target=${pair[at]}
    if wait "${pids[at]}"; then
      passed=$((passed + 1))
      runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$target.log")
      echo "$target: $runs inputs"
    else
      failed=$((failed + 1))
      tail -60 "build/fuzz/$target.log"
      echo "$target: FAILED; its input is in $failures"
    fi
  done
done
echo "$passed passed, $failed failed"
exit $((failed > 0))
