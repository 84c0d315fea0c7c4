// How attention with fewer key/value heads begins. Each new head stands for `reduction` = old / new heads.
#pragma once

#include "core/base/result.h"
#include "core/models/language/decoder_config.h"

#include <ATen/ATen.h>

#include <map>

namespace vitrine {

enum class KeyValueStart {
    Average,  // the mean of the heads that it stands for (AverageKV of Puzzle, section 3)
    First,    // the first of them (FirstKV)
    // PruneKVHeads of NVIDIA Model Optimizer: the heads with the largest scores stay. All queries stay too:
    // each new group is a kept one with reduction - 1 removed ones behind it, whose columns of the out
    // projection are zero. It computes what a model without the removed groups does, and their queries can
    // learn again.
    Prune,
};
const char* keyValueStartName(KeyValueStart start);  // "average", "first", "prune"
Result<KeyValueStart> keyValueStartFromName(const std::string& name);

// Score of each key/value head: mean over tokens of ‖Σ_h∈group a_h W_o,hᵀ‖₂, what its query heads add to the
// stream.
class KeyValueScores {
  public:
    // heads (B, T, queryHeads·headWidth): the input of the out projection; outWeight (width, the same).
    void add(const at::Tensor& heads, const at::Tensor& outWeight, const AttentionSettings& settings);
    at::Tensor scores() const;  // (keyValueHeads), float64; undefined where nothing was added

  private:
    at::Tensor sums_;
    double tokens_ = 0;
};

// Makes `count` key/value heads of an attention part with `settings`, whose weights are named as below a
// block
// ("self_attn.q_proj.weight"). `count` must divide the part's own. scores (keyValueHeads): for Prune alone;
// equal ones keep the earlier head.
void keepKeyValueHeads(AttentionSettings& settings, std::map<std::string, at::Tensor>& weights, int64_t count,
                       KeyValueStart start, const at::Tensor& scores);

}  // namespace vitrine
