#!/usr/bin/env bash
# Includes point down only: app -> widgets -> core -> kernels; plugins -> core. core and kernels know no Qt, OpenGL or VTK;
# headers of widgets know neither LibTorch nor SQLite.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failures=0
forbid() {  # forbid WHAT PATTERN FILES...
  local what="$1" pattern="$2"; shift 2
  local found
  found=$(grep -rnE "$pattern" "$@" 2>/dev/null)
  if [ -n "$found" ]; then
    printf '%s:\n%s\n' "$what" "$found"
    failures=$((failures + 1))
  fi
}
forbid "core or kernels include Qt, OpenGL, VTK or ImGui" '#include *[<"](Q[A-Z]|qcustomplot|imgui|vtk|GL/)' core kernels
forbid "headers of widgets include LibTorch or SQLite" '#include *[<"](torch/|ATen/|c10/|sqlite3)' widgets --include=*.h
forbid "a lower layer includes app/" '#include *"app/' core kernels widgets plugins
forbid "core or kernels include widgets/" '#include *"(widgets|plugins)/' core kernels
forbid "kernels include core/" '#include *"core/' kernels
forbid "widgets include plugins/" '#include *"plugins/' widgets
if [ ! -d core ] || [ ! -d kernels ]; then echo "run from the repository"; failures=1; fi
echo "$((6 - failures)) passed, $failures failed"
[ "$failures" = 0 ]
