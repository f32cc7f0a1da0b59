#!/usr/bin/env bash
# in_empty_folder.sh PROGRAM ARGUMENT...: runs PROGRAM FOLDER/data ARGUMENT... and removes the folder after it.
set -euo pipefail
folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
program=$1
shift
"$program" "$folder/data" "$@"
