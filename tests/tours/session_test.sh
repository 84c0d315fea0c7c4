#!/usr/bin/env bash
# session_test.sh WINDOW OUTPUT_FOLDER: a window that was killed comes back as it was left.
set -u
here=$(cd "$(dirname "$0")" && pwd)
window=$1 out=$2
"$here/run_tour.sh" "$window" "$here/session_left.json" "$out" "" --keep-session
result=$?
[ $result = 77 ] && exit 77
[ $result = 137 ] || { echo "the first window ended with $result and was not killed"; exit 1; }
root=$(cd "$here/../.." && pwd)
export VITRINE_SOURCE=$root VITRINE_SHARED=${VITRINE_SHARED:-$root/../shared}
export VITRINE_STATE_DIR=$out/state VITRINE_CACHE_DIR=$out/cache XDG_RUNTIME_DIR=$out LIBGL_ALWAYS_SOFTWARE=1
xvfb-run -a -s "-screen 0 1600x900x24" "$window" --tour "$here/session_found.json" --screenshots "$out/found" --keep-session
