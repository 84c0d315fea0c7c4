#!/usr/bin/env bash
# run_tour.sh PROGRAM TOUR.json OUTPUT_FOLDER [FIXTURES_PROGRAM [OPTION...]]: walks through the window on a virtual screen, with state and cache of its own.
# 77: skipped, because there is no Xvfb or the third-party data is absent (a failure where CI=true).
# VITRINE_SCREEN: size of the screen in its own pixels (1600x900); QT_SCALE_FACTOR: as many of them for one of the window's.
set -u
program=$1 tour=$2 out=$3
skip() { echo "$1"; [ "${CI:-}" = true ] && exit 1; exit 77; }
command -v xvfb-run >/dev/null || skip "needs Xvfb (apt-get install xvfb)"
root=$(cd "$(dirname "$tour")/../.." && pwd)
export VITRINE_SOURCE=$root VITRINE_SHARED=${VITRINE_SHARED:-$root/../shared}
if grep -q VITRINE_SHARED "$tour" && [ ! -d "$VITRINE_SHARED/data" ]; then
  skip "needs third-party data that is not part of the repository: $VITRINE_SHARED/data"
fi
if grep -q VITRINE_SAMPLES "$tour" && [ ! -d "${VITRINE_SAMPLES:-/nonexistent}" ]; then
  skip "needs the sample pictures, which ./run and ./test set up (VITRINE_SAMPLES)"
fi
rm -rf "$out" && mkdir -p "$out"
export VITRINE_STATE_DIR=$out/state VITRINE_CACHE_DIR=$out/cache XDG_RUNTIME_DIR=$out LIBGL_ALWAYS_SOFTWARE=1
chmod 700 "$out"
export VITRINE_FIXTURES=$out/fixtures
fixtures=$(grep -o 'VITRINE_FIXTURES}/[a-z]*' "$tour" | sed 's,.*/,,' | sort -u)
if [ -n "$fixtures" ]; then
  mkdir -p "$VITRINE_FIXTURES" && "${4:-$(dirname "$program")/tour_fixtures}" "$VITRINE_FIXTURES" $fixtures || exit 1
fi
xvfb-run -a -s "-screen 0 ${VITRINE_SCREEN:-1600x900}x24" "$program" --tour "$tour" --screenshots "$out" "${@:5}"
result=$?
rm -rf "$VITRINE_FIXTURES"  # they may take gigabytes
exit $result
