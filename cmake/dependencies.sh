#!/usr/bin/env bash
# Installs what a build, the tests and the quick start need: Debian 12 packages, without a question, as root or with sudo.
# Where everything is there already it asks dpkg once and does nothing else.
set -euo pipefail

packages=(
  # The tools of a build.
  g++ cmake ninja-build ccache git pkg-config ca-certificates
  # The libraries, one folder of src/ each (see cmake/layers.txt).
  libboost1.81-dev libboost-url1.81-dev libssl-dev rapidjson-dev liblmdb-dev libarchive-dev libyaml-cpp-dev libre2-dev
  libcli11-dev libfmt-dev libspdlog-dev prometheus-cpp-dev
  # The Python bindings.
  python3 python3-dev pybind11-dev
  # The tests and the benchmarks.
  libgtest-dev libgmock-dev libbenchmark-dev python3-pytest strace openssl curl skopeo zstd iproute2
  # What a worker runs, and what the quick start puts into an image.
  buildah busybox-static e2fsprogs mount
)

missing=()
installed=" $(dpkg-query --show --showformat '${db:Status-Status}=${Package} ' "${packages[@]}" 2>/dev/null || true)"
for package in "${packages[@]}"; do
  [[ $installed == *" installed=$package "* ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

privileged=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "$0: these packages are missing, and installing them needs root or sudo: ${missing[*]}" >&2
    exit 1
  fi
  privileged=(sudo)
fi

# The lock may be held by a machine's own first-boot upgrade, and mirrors fail now and then.
apt_get() {
  "${privileged[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get --option DPkg::Lock::Timeout=600 --option Acquire::Retries=3 --quiet "$@"
}

echo "installing: ${missing[*]}" >&2
install=(install --yes --no-install-recommends "${missing[@]}")
# The lists that are there are tried first: fetching them anew takes longer than most installations.
apt_get "${install[@]}" || { apt_get update && apt_get "${install[@]}"; }
