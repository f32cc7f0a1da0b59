#!/usr/bin/env bash
# All tests again under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer those of the parts. What starts
# programs or takes minutes (capi, crash, end_to_end, fuzz, local, program, serve, soak, worker) runs under ThreadSanitizer by hand:
# tests/ctest.sh build/tsan, with SLIPWAY_CRASH_STATES=1. The simulation of builds has one thread.
set -euo pipefail
cd "$(dirname "$0")/../.."

parts=(archive auth beast build config core crypto http image json lmdb logging pattern prometheus registry storage stores support
  transfer yaml)

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
