#!/usr/bin/env bash
# All tests again, under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer.
set -euo pipefail
cd "$(dirname "$0")/../.."

# g++ 12's ThreadSanitizer cannot start where the kernel spreads addresses over more than 28 bits.
fixed_addresses=()
if (($(cat /proc/sys/vm/mmap_rnd_bits) > 28)); then
  fixed_addresses=(setarch --addr-no-randomize)
fi

status=0
for preset in asan tsan; do
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  case $preset in
    asan) tests/ctest.sh build/asan || status=1 ;;
    tsan) "${fixed_addresses[@]}" tests/ctest.sh build/tsan || status=1 ;;
  esac
done
exit "$status"
