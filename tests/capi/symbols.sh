#!/usr/bin/env bash
# symbols.sh LIBRARY LIST: the library exports exactly the functions of the list (and its version's name).
set -euo pipefail
diff --unified "$2" <(nm --dynamic --defined-only "$1" | awk '$2 != "A" {print $3}' | sed 's/@.*//' | LC_ALL=C sort)
echo "exported: $(wc -l < "$2") functions"
