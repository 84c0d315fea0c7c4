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
    // Shapes slowest dimension first (the file stores them the other way round). Tensors of a type that
    // dtypeOfGgml (gguf_types.h) does not know are left out and named with it in
    // metadata()["skipped_tensors"]: "blk.0.ffn_up.weight (IQ2_XXS), ...".
    std::shared_ptr<const TensorSource> tensors;
};

// Errors: InvalidFile for truncated or lying content, Unsupported for version 1 and big-endian files.
Result<GgufFile> openGguf(const std::filesystem::path& file);

}  // namespace vitrine
