// Writes a language model as GGUF the way llama.cpp's converter does: names, shapes, turned rows of queries
// and keys.
#pragma once

#include "core/models/language/language_model.h"

namespace vitrine::testing {

// `architecture`: what the file claims; empty: the model's type.
void writeGguf(const std::filesystem::path& file, const LanguageModel& model,
               const std::string& architecture = {});

}  // namespace vitrine::testing
