#!/usr/bin/env bash
# lint.sh BUILD_DIR: clang-format on every C++ file, clang-tidy on every source that ships.
set -euo pipefail

build=$1
cd "$(dirname "$0")/.."
mapfile -t all < <(git ls-files '*.h' '*.cc')
clang-format --dry-run -Werror "${all[@]}"
echo "clang-format: ${#all[@]} files"

mapfile -t sources < <(git ls-files 'src/*.cc' 'cli/*.cc')
printf '%s\n' "${sources[@]}" |
  xargs -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2> >(grep -v 'warnings generated' >&2)
echo "clang-tidy: ${#sources[@]} files"
