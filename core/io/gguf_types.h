// The element types of GGUF tensors by the numbers that ggml gives them (enum ggml_type).
#pragma once

#include "core/io/dtype.h"

#include <string>

namespace vitrine {

// Nothing for types that cannot be read.
std::optional<DType> dtypeOfGgml(uint32_t type);
// "IQ2_XXS"; "ggml type 99" for numbers that are not known.
std::string ggmlTypeName(uint32_t type);
// "F32, F16, ..., IQ4_XS", for messages.
std::string readableGgmlTypes();

}  // namespace vitrine
