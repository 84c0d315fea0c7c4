// Flextron's surrogate: a small network that predicts the loss of a choice of widths from measured ones
// (Cai et al. 2024, section 3.3), and the choice for a budget that it thinks best. Gradients through it are
// smooth where those through discrete choices are not; what it says is measured before it is believed.
#pragma once

#include "core/flextron/elastic_space.h"

#include <optional>

namespace vitrine {

struct SurrogateSample {
    ElasticChoice choice;
    double loss = 0;  // nats per token, measured
};

struct SurrogateOptions {
    int64_t hidden = 64, steps = 600;
    double learningRate = 1e-2;
    uint64_t seed = 0;
};

class LossSurrogate {
  public:
    // Two layers, squared error. InvalidArgument for fewer than four samples, losses that are not finite, or
    // choices of another depth.
    static Result<LossSurrogate> fit(const DecoderConfig& config, const ElasticSpace& space,
                                     const std::vector<SurrogateSample>& samples,
                                     const SurrogateOptions& options = {});

    double predict(const ElasticChoice& choice) const;
    // Root of the mean squared error over samples, in nats per token.
    double error(const std::vector<SurrogateSample>& samples) const;
    // The choice of least predicted loss whose size lies within `tolerance` of the budget: descent on logits
    // of the choices through the surrogate (loss + weight · |size / budget - 1|), then single changes while
    // they help. Nothing where no choice is that near.
    std::optional<ElasticChoice> bestFor(double budget, double tolerance = 0.05) const;

  private:
    at::Tensor code(const ElasticChoice& choice) const;
    at::Tensor output(const at::Tensor& codes) const;
    ElasticChoice descend(double budget) const;
    std::vector<ElasticChoice> neighbours(const ElasticChoice& choice) const;

    DecoderConfig config_;
    ElasticSpace space_;
    at::Tensor first_, firstBias_, second_, secondBias_;
    double mean_ = 0, scale_ = 1;
};

// Choices drawn evenly for each block, a function of the seed.
std::vector<ElasticChoice> randomChoices(const DecoderConfig& config, const ElasticSpace& space,
                                         int64_t count, uint64_t seed);

}  // namespace vitrine
