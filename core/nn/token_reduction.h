// Fewer tokens in the later blocks of a ViT, without training. What is asked for stands in a folder's
// config.json, which other programs pass over:
//
//   "token_reduction": {"method": "merge", "kept": 0.5, "seed": 0}
//
// - merge: the most similar patch tokens become one, as many in each block (ToMe, Bolya et al. 2023:
//   bipartite matching of the keys, means weighted by size, attention that counts a token by its size).
// - attention: the patch tokens that the class tokens look at least leave at a quarter, a half and three
//   quarters of the depth (as EViT, Liang et al. 2022, without its token of what left).
// - norm: those of the smallest L2 norm leave at the same places. random: any (the control).
//
// Features stay dense: each cell takes the token it was merged into, or the last state of its token before it
// left (as in dynamic token pruning for segmentation, Tang et al. 2023). Class and register tokens stay.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <vector>

namespace vitrine::nn {

enum class TokenMethod { Merge, Attention, Norm, Random };
const char* tokenMethodName(TokenMethod method);
Result<TokenMethod> tokenMethodFromName(const std::string& name);

struct TokenReductionSettings {
    TokenMethod method = TokenMethod::Merge;
    double kept = 1;    // part of the patch tokens that is left behind the last block, in (0, 1]
    uint64_t seed = 0;  // Random

    Result<void> validate() const;
    Json json() const;
    // What a config.json asks for, if anything. Errors name the JSON path.
    static Result<std::optional<TokenReductionSettings>> fromConfig(const Json& config);
    // Patch tokens behind the attention of each block, of `patches` in front of the first.
    std::vector<int64_t> schedule(int64_t depth, int64_t patches) const;
};

// The tokens of one pass. Per block: show its queries and keys, attend with attentionBias, then reduce the
// sum. Not thread-safe; a pass owns it.
class TokenReduction {
  public:
    // Tokens (B, prefix + patches, D); the first `classTokens` of the prefix are those that look.
    TokenReduction(const TokenReductionSettings& settings, int64_t depth, int64_t classTokens,
                   int64_t prefixTokens, int64_t patches);

    // q, k (B, heads, T, channels) of block `block`, 0-based.
    void look(int64_t block, const at::Tensor& q, const at::Tensor& k, double scale);
    // (B, 1, 1, T) to add to the logits; nothing while all tokens count the same.
    std::optional<at::Tensor> attentionBias() const;
    // x (B, T, D) behind the attention of the block shown last -> (B, T', D).
    at::Tensor reduce(const at::Tensor& x);
    // (B, T', D) -> (B, prefix + patches, D), in the order of the cells.
    at::Tensor whole(const at::Tensor& x) const;

  private:
    at::Tensor merge(const at::Tensor& patches, int64_t leaving);
    at::Tensor leave(const at::Tensor& patches, int64_t staying);

    TokenReductionSettings settings_;
    std::vector<int64_t> schedule_;
    int64_t classTokens_, prefix_, patches_;
    int64_t block_ = -1;
    at::Tensor keys_;    // (B, P, channels) of the patch tokens, mean over heads; merge
    at::Tensor scores_;  // (B, P): larger stays; the others
    at::Tensor sizes_;   // (B, P, 1) cells of each token; merge
    at::Tensor place_;   // merge: (B, cells) token of each cell; the others: (B, P) cell of each token
    at::Tensor left_;    // (B, cells, D) last states of those that left
};

}  // namespace vitrine::nn
