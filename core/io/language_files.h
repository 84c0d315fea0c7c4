// Whether a path is a decoder-only language model: judged by the configuration or the header, no weights are
// read.
#pragma once

#include <filesystem>

namespace vitrine {

// A Hugging Face folder of a family that core/models/language reads, a GGUF file with tensors, or a llama2.c
// file. False for anything else, and for what cannot be read.
bool isLanguageModelPath(const std::filesystem::path& path);

}  // namespace vitrine
