// GGUF, llama.cpp's single-file format (versions 2 and 3, little-endian): key/value metadata and tensors.
// Layout from the format's public specification (ggml, docs/gguf.md). Memory-mapped.
#pragma once

#include "core/base/json.h"
#include "core/io/tensor_source.h"

namespace vitrine {

struct GgufFile {
    uint32_t version = 0;
    // All key/values under their flat keys ("tokenizer.ggml.tokens"), arrays as arrays. Strings are the
    // stored bytes: byte tokens of a vocabulary need not be UTF-8.
    Json metadata = Json::object();
    // Shapes slowest dimension first (the file stores them the other way round). F32, F16, BF16, F64, Q8_0,
    // Q4_0 and the integers; tensors of another quantisation are left out and named in
    // metadata()["skipped_tensors"].
    std::shared_ptr<const TensorSource> tensors;
};

// Errors: InvalidFile for truncated or lying content, Unsupported for version 1 and big-endian files.
Result<GgufFile> openGguf(const std::filesystem::path& file);

}  // namespace vitrine
