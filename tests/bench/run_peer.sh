#!/usr/bin/env bash
# Runs one of the *_peer.py scripts of this folder in a Python environment of its own, made on first use:
#   tests/bench/run_peer.sh pictures_peer.py build ../shared/data/images/imagenet_samples/256
# The environment (4 GB) lies in the cache folder beside LibTorch; Vitrine itself never uses it.
set -euo pipefail
torch_version=2.11.0
environment="${VITRINE_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine}/peers-$torch_version"
if [ ! -e "$environment/.complete" ]; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet "torch==$torch_version" torchvision==0.26.0 transformers==5.24.0 \
    tokenizers safetensors numpy pillow psutil
  touch "$environment/.complete"
fi
if [ "$1" = llama_cpp_peer.py ] && [ ! -e "$environment/.llama_cpp" ]; then  # builds llama.cpp for this processor: minutes
  CMAKE_ARGS="-DLLAVA_BUILD=OFF" "$environment/bin/pip" install --quiet --no-binary llama-cpp-python \
    llama-cpp-python==0.3.36 gguf==0.19.0
  touch "$environment/.llama_cpp"
fi
if [ "$1" = compressed_encoder_peer.py ] && [ ! -e "$environment/.timm" ]; then
  "$environment/bin/pip" install --quiet timm==1.0.31
  touch "$environment/.timm"
fi
script="$(dirname "${BASH_SOURCE[0]}")/$1"
shift
exec "$environment/bin/python" "$script" "$@"
