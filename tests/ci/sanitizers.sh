#!/usr/bin/env bash
# All tests again under AddressSanitizer with UndefinedBehaviorSanitizer, and all of them under ThreadSanitizer.
set -euo pipefail
cd "$(dirname "$0")/../.."

# g++ 12's ThreadSanitizer cannot start where the kernel spreads addresses over more than 28 bits.
fixed_addresses=()
if (($(cat /proc/sys/vm/mmap_rnd_bits) > 28)); then
  fixed_addresses=(setarch --addr-no-randomize)
fi

status=0
cmake --preset asan
cmake --build --preset asan
tests/ctest.sh build/asan || status=1

# Crash states are made and checked by one thread: few of them do, when races of the threads that are recorded are looked for.
cmake --preset tsan
cmake --build --preset tsan
SLIPWAY_CRASH_STATES=1 "${fixed_addresses[@]}" tests/ctest.sh build/tsan || status=1
exit "$status"
