// The implementation of CompressEngine.
#pragma once

#include "core/engine/compress_engine.h"

namespace vitrine {

std::unique_ptr<CompressEngine> makeCompressEngine();

}  // namespace vitrine
