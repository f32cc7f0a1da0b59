#!/usr/bin/env bash
# Webhook payloads that other people collected, sent to `slipway serve`: all of the npm package @octokit/webhooks-examples, and the test
# data of the Go module github.com/drone/go-scm for GitHub, GitLab, Bitbucket and Gitea. tests/webhooks/examples.py says what each must
# become. One line for each collection, and "N passed, N failed" at the end.
#
# SLIPWAY_PROGRAM names another program than the release build's.
set -euo pipefail
cd "$(dirname "$0")/../.."

octokit=@octokit/webhooks-examples@7.6.1
go_scm=github.com/drone/go-scm@v1.38.0
work=$PWD/build/webhooks

program=${SLIPWAY_PROGRAM:-}
if [[ -z $program ]]; then
  cmake --preset release
  cmake --build --preset release --target slipway
  program=$PWD/build/release/bin/slipway
fi

missing=()
command -v npm >/dev/null || missing+=(npm)
command -v go >/dev/null || missing+=(golang)
if ((${#missing[@]} > 0)); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

mkdir -p "$work"
if [[ ! -d $work/package ]]; then
  archive=$(cd "$work" && npm pack --silent "$octokit")
  tar --extract --gzip --file "$work/$archive" --directory "$work"
fi
module=$(go mod download -json "$go_scm" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
[[ -d $module ]] || { echo "$go_scm could not be fetched"; exit 1; }

SLIPWAY=$program python3 tests/webhooks/examples.py "$work/package" "$module"
