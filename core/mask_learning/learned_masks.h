// Masks that are learnt (MaskLLM, Fang et al. 2024): every group of four neighbouring weights of a row has
// logits over the candidate patterns, and what is trained are the logits alone; the weights stay as they are.
// In training a layer computes with W ⊙ M̃, M̃ the mix of patterns that Gumbel noise and softmax draw
// (kernels/gumbel_mask); in the end with the pattern of the largest logit. Knows layers by name and weight,
// whatever model they belong to.
//
// Memory: 6 bytes a weight for logits (float32), as much for their gradient, 12 for AdamW; the noise is made
// again in the backward pass and never stored.
#pragma once

#include "core/compress/mask_set.h"
#include "core/compress/sparsity.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace vitrine {

// How noise and temperature change over the training, all linear in its progress in [0, 1].
struct MaskSchedule {
    double kappaStart = 100, kappaEnd = 500;  // scale of the logits
    double tauStart = 4, tauEnd = 0.05;       // temperature
    // Reward of large weights that stay: loss - regularizer Σ ‖W ⊙ M̃‖². Falls to 0. A sum: rescale it for
    // models of much smaller or larger weights.
    double regularizer = 1e-5;

    double kappa(double progress) const { return kappaStart + (kappaEnd - kappaStart) * progress; }
    double tau(double progress) const { return tauStart + (tauEnd - tauStart) * progress; }
    double regularizerAt(double progress) const { return regularizer * (1 - progress); }
    // InvalidArgument: a temperature or scale of 0 or less, a negative reward.
    Result<void> validate() const;
};

struct MaskedLayer {
    std::string name;
    at::Tensor weight;  // (o, k), floating
};

// Where the choice of one layer (or of all together) stands.
struct MaskDiagnosis {
    std::string layer;               // empty: all layers together
    double flipped = 0;              // part of the weights whose place in the mask changed since last asked
    double fromStart = 0;            // the same since the masks began (the prior's, where there is one)
    double largestProbability = 0;   // mean over groups of max softmax(κ logits)
    double entropy = 0;              // mean over groups, in nats; log 6 = 1.79 at the most
    double mean = 0, deviation = 0;  // of the logits
    std::vector<int64_t> patterns;   // groups that choose each candidate
};

class LearnedMasks {
  public:
    // Logits drawn from N(0, deviation²), on the device of each weight. `pattern`: 2:4 or 1:4. Errors name
    // the layer: inputs that do not fall into fours; Unsupported for other patterns.
    static Result<LearnedMasks> create(std::vector<MaskedLayer> layers, const SparsityPattern& pattern,
                                       uint64_t seed, double deviation = 0.01);

    // Begins with masks (by layer name, (o, k) of 0 and 1): logits_k += strength · std(logits of the layer)
    // · (⟨mask, pattern_k⟩ - its mean over k). Once, before training. NotFound for a layer without a mask,
    // ShapeMismatch.
    Result<void> applyPrior(const NamedTensors& masks, double strength = 3);

    size_t size() const { return layers_.size(); }
    const MaskedLayer& layer(size_t index) const { return layers_.at(index); }
    const SparsityPattern& pattern() const { return pattern_; }
    int64_t candidates() const { return pattern_.n == 2 ? 6 : 4; }
    // (o, k/4, candidates) float32, a leaf that takes gradients.
    const at::Tensor& logits(size_t index) const { return logits_.at(index); }

    // W ⊙ M̃ (o, k), differentiable in the logits; the same noise for the same seed. `hard`: the pattern that
    // the noise favours, with the gradient of the soft mask.
    at::Tensor sampled(size_t index, int64_t seed, double kappa, double tau, bool hard) const;
    // Index of the likeliest pattern (o, k/4) uint8; its mask (o, k) uint8; W ⊙ M.
    at::Tensor choices(size_t index) const;
    at::Tensor mask(size_t index) const;
    at::Tensor masked(size_t index) const;

    // All masks under "LAYER.weight", with the fingerprint of the dense weights.
    Result<MaskSet> maskSet() const;
    // Each layer, then all together. Remembers the choices for the next call.
    std::vector<MaskDiagnosis> diagnose(double kappa);
    // After the logits were restored: flips count from here.
    void forgetFlips();

  private:
    std::vector<MaskedLayer> layers_;
    SparsityPattern pattern_;
    std::vector<at::Tensor> logits_, start_, last_;  // choices at the start and when last asked
};

// (6, 4) or (4, 4) uint8: the candidates of 2:4 in the order of sparse24.h, or single columns for 1:4.
at::Tensor maskCandidates(const SparsityPattern& pattern);

}  // namespace vitrine
