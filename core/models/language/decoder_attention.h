// The attention of one decoder block over the tokens of a pass and of its cache.
#pragma once

#include "core/models/language/decoder.h"

#include <map>

namespace vitrine {

// Masks of a pass, one for each window that its blocks have: additive, (B or 1, 1, T, past + T).
struct DecoderPass::Masks {
    std::map<int64_t, at::Tensor> byWindow;
};

// query (B, queryHeads, T, d), key and value (B, keyValueHeads, past + T, d) -> (B, T, queryHeads·d). If
// `probabilities` is not null the matrix (B, queryHeads, T, past + T) is computed and stored there.
at::Tensor decoderAttention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const AttentionSettings& settings, const DecoderPass& pass,
                            at::Tensor* probabilities);

}  // namespace vitrine
