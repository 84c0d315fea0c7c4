// Summaries against summaries and texts: nearest neighbours, zero-shot scores, text heat maps.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

struct Neighbors {
    at::Tensor index;       // (Q, k) int64, nearest first; equal cosines: the lower index first
    at::Tensor similarity;  // (Q, k) cosine
};

// queries (Q, D), bank (N, D). excludeSelf: query i is bank entry i and is left out (needs Q = N). k is cut
// to what the bank holds.
Result<Neighbors> nearestNeighbors(const at::Tensor& queries, const at::Tensor& bank, int64_t k,
                                   bool excludeSelf = false);

// Weighted vote (Wu et al. 2018; DINO's kNN): class scores (Q, classes) = sum over neighbours of exp(cosine /
// temperature), normalised to sum 1. labels (N) int64 of the bank.
Result<at::Tensor> knnVote(const Neighbors& neighbors, const at::Tensor& labels, int64_t classes,
                           double temperature = 0.07);

enum class ZeroShotForm { Softmax, Sigmoid };  // CLIP: one of the texts holds; SigLIP: each on its own

// images (B, D), texts (T, D), unnormalised -> probabilities (B, T): softmax or sigmoid of exp(logScale)
// cosine + bias.
Result<at::Tensor> zeroShotScores(const at::Tensor& images, const at::Tensor& texts, double logScale,
                                  double bias, ZeroShotForm form);

// dense (D, h, w) in the space of the texts, texts (T, D) -> (T, h, w) cosines. With `subtractMean` the mean
// over texts is taken off first: with several prompts that leaves what tells them apart.
Result<at::Tensor> textHeat(const at::Tensor& dense, const at::Tensor& texts, bool subtractMean = false);

}  // namespace vitrine
