// The checkpoint format of llama2.c, version 0 (its legacy export): seven int32 and then float32 arrays, one
// per kind of weight over all layers. Memory-mapped.
#pragma once

#include "core/io/tensor_source.h"

namespace vitrine {

// Tensors under the names of Meta's own Llama checkpoints ("layers.0.attention.wq.weight"), because the query
// and key rows lie in that layout (rotary pairs adjacent), not in the permuted one of Hugging Face folders.
// "output.weight" is there only if the classifier is not tied to "tok_embeddings.weight". metadata(): dim,
// hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, max_seq_len, tied_embeddings. The stored rotary
// tables follow from these and are left out. InvalidFile if the sizes of the header do not give the file's
// length exactly.
Result<std::shared_ptr<const TensorSource>> openLlama2c(const std::filesystem::path& file);

// Whether the bytes can be such a file: plausible header that gives the length exactly.
bool looksLikeLlama2c(std::span<const std::byte> bytes);

}  // namespace vitrine
