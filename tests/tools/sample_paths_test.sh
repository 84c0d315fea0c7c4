#!/usr/bin/env bash
# The headless main job of ./run on one sample photograph, with the encoders that a fresh machine gets: the project's
# own one comes first and its features stand in the report.
# usage: sample_paths_test.sh VITRINE_PROGRAM
set -euo pipefail
program="$1"
samples="${VITRINE_SAMPLES:-}"
if [ -z "$samples" ] || [ ! -d "$samples/images" ]; then
  echo "skipped: the sample photographs are not there (./run --setup fetches them, VITRINE_SAMPLES names them)"
  [ "${CI:-}" = true ] && exit 1
  exit 77
fi
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/setup.sh"
samples_folder="$samples"
mapfile -t paths < <(sample_paths)
failed=0
check() { if ! eval "$2"; then echo "FAILED: $1"; failed=1; fi; }
check "three paths" '[ ${#paths[@]} = 3 ]'
for path in "${paths[@]}"; do check "$path exists" '[ -e "$path" ]'; done
check "the first encoder is the project's own" '[ "${paths[1]}" = "$source_folder/resources/models/vitrine_s" ]'
check "./run opens them" 'grep -q "mapfile -t paths < <(sample_paths)" "$source_folder/run"'

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
photo="$(find "${paths[0]}" -name '*.jpg' | sort | head -n 1)"
VITRINE_STATE_DIR="$work/state" VITRINE_CACHE_DIR="$work/cache" "$program" --json --quiet --project "$work/project" \
  inspect "$photo" "${paths[@]:1}" >"$work/result.json"
report="$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["report"])' "$work/result.json")"
for name in vitrine_s EfficientNet-Lite0; do check "$name in the report" 'grep -q "$name" "$report"'; done
check "maps in the report" '[ "$(grep -o "data:image/png;base64," "$report" | wc -l)" -ge 10 ]'
exit $failed
