// Fewer tokens for whoever reads an encoder's final features (a language model's projector): tokens that say
// the same become one. Training-free, once, after the last block (RADIOv2.5, Heinrich et al. 2025, section on
// token compression; the strided choice of places is that of ToMe for diffusion, Bolya and Hoffman 2023).
// Merging inside the blocks is another thing: core/nn/token_reduction.h.
//
//   stride g: the smallest with ceil(h / g) * ceil(w / g) <= kept (fewer destinations, so that more sources
//   stay as they are, lost on every encoder tried). One token of each g x g cell is a
//   destination, so that every region keeps one; all others are sources. Each source has the most similar
//   destination (cosine of the features themselves); the h * w - kept sources of the largest similarity are
//   merged into theirs, which becomes the mean of all, each counted once.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

struct TokenMergingOptions {
    int64_t kept = 256;         // tokens that are left, at least 1; as many as there are: none is merged
    bool randomPlaces = false;  // of the destinations in their cells; else the first of each
    uint64_t seed = 0;          // of random places

    Result<void> validate() const;
};

struct MergedTokens {
    int64_t height = 0, width = 0;  // of the grid
    at::Tensor tokens;  // (kept, C) float32: sources that stayed, then destinations; both row by row
    at::Tensor cells;   // (kept) int64: cell of the grid that each stood in
    // (kept) int64: tokens in each. A reader that attends to them as to all of them adds its logarithm to the
    // logits (ToMe's proportional attention).
    at::Tensor sizes;
    at::Tensor place;  // (h * w) int64: the merged token of each cell

    // (C, h, w): every cell takes the token that it was merged into.
    at::Tensor unmerged() const;
    // (kept) float32 to add to attention logits.
    at::Tensor logitBias() const { return sizes.to(at::kFloat).log(); }
};

// features (C, h, w), any floating type. Equal similarities: the first in order. Errors: NaN, fewer tokens
// asked for than one; the message says what.
Result<MergedTokens> mergeTokens(const at::Tensor& features, const TokenMergingOptions& options = {});

// The rivals at an equal number of tokens, as maps like unmerged().
// Means over the largest grid of at most `kept` cells of the map's proportions.
Result<at::Tensor> averagePooled(const at::Tensor& features, int64_t kept);
// `kept` tokens drawn by chance; every cell takes the most similar of them.
Result<at::Tensor> randomlyKept(const at::Tensor& features, int64_t kept, uint64_t seed);

// What is left of features in a map that stands for them.
struct CompressionLoss {
    double cosine = 0;  // mean over the cells
    double error = 0;   // squared error over the variance around the mean feature
};
CompressionLoss compressionLoss(const at::Tensor& features, const at::Tensor& standing);

}  // namespace vitrine
