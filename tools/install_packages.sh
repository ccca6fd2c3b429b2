#!/usr/bin/env bash
# Installs what is missing of the named groups of Debian packages: build, arm64, clang, python.
# Asks for nothing and changes nothing when all of it is there.
set -euo pipefail

declare -A groups=(
  # CMake, Ninja, GCC; then the libraries: JSON in, JSON out, flags, text formatting, Unicode; of the
  # server SQLite, HTTP, digests, logs, YAML, metrics; of its clients HTTP; compressed fixtures; then
  # the test (SIMDe: AVX-512 by emulation) and benchmark libraries, and Python for the checks.
  [build]="cmake ninja-build g++ make binutils pkg-config libsimdjson-dev nlohmann-json3-dev libcli11-dev libfmt-dev
           libutf8proc-dev libsqlite3-dev libboost-dev libssl-dev libspdlog-dev libyaml-cpp-dev prometheus-cpp-dev
           libcurl4-openssl-dev zlib1g-dev libgtest-dev libgmock-dev libsimde-dev libbenchmark-dev python3
           python3-jsonschema"
  # The cross compiler for arm64 and what runs its programs; libraries come by make_sysroot.sh.
  [arm64]="g++-aarch64-linux-gnu qemu-user"
  # The linters, and libFuzzer with its sanitizer runtimes.
  [clang]="clang clang-format clang-tidy libclang-rt-14-dev"
  # The console's test: a browser, what drives it, and a font for its Chinese. Node from elsewhere
  # brings an npm of its own.
  [browser]="chromium nodejs fonts-wqy-microhei"
  [npm]="npm"
  # For the scripts that make golden files and the bundled model; each brings its requirements.txt.
  [python]="python3 python3-venv"
)

missing=()
for group in "$@"; do
  for package in ${groups[$group]:?"no such group: $group"}; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
      missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -q
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qy --no-install-recommends "${missing[@]}"
