#!/usr/bin/env bash
# The tests again under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer those whose threads share memory.
# What forks, as workers and whole programs do, stays out of the latter: ThreadSanitizer does not follow a fork of several threads.
set -euo pipefail
cd "$(dirname "$0")/../.."

shared_memory=(support storage lmdb stores registry build http beast)

# g++ 12's ThreadSanitizer cannot start where the kernel spreads addresses over more than 28 bits.
fixed_addresses=()
if (($(cat /proc/sys/vm/mmap_rnd_bits) > 28)); then
  fixed_addresses=(setarch --addr-no-randomize)
fi

status=0
cmake --preset asan
cmake --build --preset asan
tests/ctest.sh build/asan || status=1

cmake --preset tsan
cmake --build --preset tsan --target "${shared_memory[@]/%/_test}"
suites=$(IFS='|' && echo "${shared_memory[*]}")
"${fixed_addresses[@]}" tests/ctest.sh build/tsan --tests-regex "^($suites)/" || status=1
exit "$status"
