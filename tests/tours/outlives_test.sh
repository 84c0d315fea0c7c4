#!/usr/bin/env bash
# outlives_test.sh WINDOW COMMAND_LINE OUTPUT_FOLDER: a recipe run from the window goes on when the window is closed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
window=$1 vitrine=$2 out=$3
"$here/run_tour.sh" "$window" "$here/outlives.json" "$out" || exit $?
status() { "$vitrine" --project "$out/project" --json runs list | grep -o '"status": *"[a-z]*"' | cut -d'"' -f4; }
[ "$(status)" = running ] || { echo "the run ended with the window: $(status)"; exit 1; }
for _ in $(seq 60); do
  [ "$(status)" = running ] || break
  sleep 1
done
[ "$(status)" = finished ] || { echo "the run did not finish: $(status)"; exit 1; }
