// Writes a language model as GGUF the way llama.cpp's converter does: names, shapes, turned rows of queries
// and keys.
#pragma once

#include "core/models/language/language_model.h"

namespace vitrine::testing {

// `architecture`: what the file claims; empty: the model's type. `eightBits`: matrices as Q8_0 (rows of a
// multiple of 32), the rest as float32.
void writeGguf(const std::filesystem::path& file, const LanguageModel& model,
               const std::string& architecture = {}, bool eightBits = false);

// What a Q8_0 file says of a matrix: each 32 neighbours as whole multiples of a half.
at::Tensor roundedToEightBits(const at::Tensor& matrix);

}  // namespace vitrine::testing
