#!/usr/bin/env bash
# All tests again under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer those of the parts and the programs.
# What takes a quarter of an hour with it (capi, crash, end_to_end, fuzz, soak) runs by hand: tests/ctest.sh build/tsan, with
# SLIPWAY_CRASH_STATES=1, but not end_to_end/faults and end_to_end/isolation, which take calls and memory away that ThreadSanitizer
# itself needs. The simulation of builds has one thread.
set -euo pipefail
cd "$(dirname "$0")/../.."

parts=(archive auth beast build config core crypto http image json lmdb local logging notify pattern program prometheus registry serve
  storage stores support transfer worker yaml)

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
cmake --build --preset tsan --target "${parts[@]/%/_test}"
suites=$(IFS='|' && echo "${parts[*]}")
"${fixed_addresses[@]}" tests/ctest.sh build/tsan --tests-regex "^($suites)/" --exclude-regex '^build/Simulation\.' || status=1
exit "$status"
