// Adaptor heads: per teacher one MLP on a class token and one on the spatial features.
#pragma once

#include "core/models/radio/radio_config.h"

#include <map>

namespace vitrine {

class AdaptorHead : public torch::nn::Module {
  public:
    explicit AdaptorHead(const RadioHeadConfig& config);
    // x (..., input) -> (..., output).
    at::Tensor forward(const at::Tensor& x) const;

  private:
    at::Tensor forwardMlp1(const at::Tensor& x) const;
    at::Tensor forwardMlp2(const at::Tensor& x) const;

    RadioHeadConfig::Kind kind_;
    std::vector<std::shared_ptr<nn::VitBlock>> attentionBlocks_;
    std::shared_ptr<AdaptorHead> mlp_;  // of the attention variant
    std::shared_ptr<nn::Linear> first_, last_;
    std::shared_ptr<nn::LayerNorm> preNorm_, norm_;
    std::vector<std::pair<std::shared_ptr<nn::LayerNorm>, std::shared_ptr<nn::Linear>>> inner_;
};

class Adaptor : public torch::nn::Module {
  public:
    explicit Adaptor(const RadioAdaptorConfig& config);
    // classToken (B, D) -> (B, S); undefined without a summary head.
    at::Tensor summary(const at::Tensor& classToken) const;
    // features (B, h·w, D) -> (B, h·u · w·u, C), row-major; undefined without a feature head.
    at::Tensor features(const at::Tensor& features, int64_t gridHeight, int64_t gridWidth) const;
    int64_t headIndex() const { return headIndex_; }
    int64_t upsample() const { return upsample_; }

  private:
    int64_t headIndex_, upsample_ = 1;
    std::shared_ptr<AdaptorHead> summaryHead_, featureHead_;
};

// The adaptors a checkpoint holds: `adaptor_configs` where given, otherwise what the tensors' shapes say.
Result<std::vector<RadioAdaptorConfig>> readAdaptors(const Json& config, const TensorSource& source,
                                                     const RadioLayout& layout, const RadioConfig& model);

}  // namespace vitrine
