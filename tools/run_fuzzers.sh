#!/usr/bin/env bash
# run_fuzzers.sh BUILD_DIR SECONDS: shares SECONDS among all fuzz targets of a Clang build. New inputs
# stay in the build folder; a crash ends with its input's name and a non-zero status.
set -euo pipefail

build=$1
seconds=$2
root=$(cd "$(dirname "$0")/.." && pwd)
mapfile -t targets < <(find "$build" -maxdepth 1 -name 'fuzz_*' -type f -executable | sort)
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz targets in $build" >&2; exit 1; }
each=$((seconds / ${#targets[@]}))
for target in "${targets[@]}"; do
  name=$(basename "$target")
  mkdir -p "$build/corpus/$name" "$build/crashes"
  echo "== $name, $each s"
  log="$build/crashes/$name.log"
  if ! "$target" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix="$build/crashes/$name-" \
      "$build/corpus/$name" "$root/fuzz/corpus/$name" > "$log" 2>&1; then
    grep -E 'ERROR|SUMMARY|Test unit|runtime error' "$log" >&2 || tail -5 "$log" >&2
    echo "$name failed; its input and log are in $build/crashes" >&2
    exit 1
  fi
  grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "$log"
done
echo "${#targets[@]} fuzz targets, no failure"
