#!/usr/bin/env bash
# pack_dependencies_test.sh TORCH_ROOT: packs the libraries, configures a build with them and takes them apart again.
set -uo pipefail
source_folder="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
torch_root="$1"
dpkg-query -W googletest libsqlite3-dev >/dev/null 2>&1 || { echo "skipped: needs the Debian packages that ./run --setup installs"; exit 77; }
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
dependencies="$work/some dependencies"
passed=0 failed=0
check() {  # check WHAT COMMAND...: the command succeeds
  local what="$1"; shift
  if "$@" >"$work/log" 2>&1; then passed=$((passed + 1))
  else failed=$((failed + 1)); printf 'FAILED: %s\n' "$what"; tail -n 20 "$work/log"; fi
}
configure() {
  rm -rf "$work/build"
  cmake -S "$source_folder" -B "$work/build" -DVITRINE_GUI=OFF -DVITRINE_MEDIA=OFF -DVITRINE_CUDA=OFF -DTORCH_ROOT="$torch_root" \
    -DVITRINE_DEPENDENCIES="$dependencies"
}
refuses() {  # refuses TEXT: configuring fails and says TEXT (CMake breaks lines)
  ! configure >"$work/refusal" 2>&1 && tr -s ' \n' ' ' <"$work/refusal" | grep -qF "$1" || { cat "$work/refusal"; return 1; }
}
pack() { "$source_folder/tools/pack_dependencies" "$@"; }
fails() { ! "$@"; }

check "packs" pack "$dependencies"
check "packs over what it packed" pack "$dependencies"
check "has a licence for every package" \
  test "$(find "$dependencies/licences" -type f | wc -l)" = "$(grep -c '^    "' "$dependencies/dependencies.json")"
mkdir "$work/mine" && touch "$work/mine/thesis.tex"
check "leaves other folders alone" fails pack "$work/mine"
check "left the file" test -e "$work/mine/thesis.tex"

check "configures" configure
from_system() {  # a library or package file of the system instead of the packed one
  grep -rhoE '[ "=](/usr|/lib)[^ ;"]*lib(fmt|spdlog|sqlite3|z|pcre2-8|utf8proc|gtest|gmock)\.(so|a)' "$work/build" \
    --include=link.txt --include=build.ninja
}
check "links nothing of the system's" fails from_system
check "compiles with the packed headers" grep -q 'some dependencies/include' "$work/build/compile_commands.json"

mv "$dependencies/include/CLI/CLI.hpp" "$work/"
check "names a missing header" refuses "holds no include/CLI/CLI.hpp"
mv "$work/CLI.hpp" "$dependencies/include/CLI/"
cp "$dependencies/dependencies.json" "$work/"
sed -i 's/"architecture": ".*"/"architecture": "pdp11"/' "$dependencies/dependencies.json"
check "refuses another processor's libraries" refuses "was packed on pdp11"
sed 's/"glibc": ".*"/"glibc": "9.99"/' "$work/dependencies.json" >"$dependencies/dependencies.json"
check "refuses libraries for a newer glibc" refuses "needs glibc 9.99"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
