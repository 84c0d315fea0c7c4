// Building blocks of E-RADIO (AM-RADIO, appendix): convolution stages after YOLOv8's C2f, and windowed
// attention at several resolutions with the continuous position bias of Swin-V2.
#pragma once

#include "core/models/radio/eradio_config.h"
#include "core/nn/batch_norm.h"

#include <memory>
#include <mutex>

namespace vitrine::eradio {

// Convolution without bias, batch normalisation, then SiLU if asked for. Names: conv, bn.
class ConvNorm : public torch::nn::Module {
  public:
    ConvNorm(int64_t in, int64_t out, nn::ConvOptions options, bool silu = false);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    bool silu_;
    std::shared_ptr<nn::Conv2d> conv_;
    std::shared_ptr<nn::TrainableBatchNorm> norm_;
};

// Split convolution stage: one half passes a chain of residual bottlenecks, all parts are joined at the end.
class SplitConvolutions : public torch::nn::Module {
  public:
    SplitConvolutions(int64_t width, int64_t depth);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    std::shared_ptr<ConvNorm> first_, last_;
    std::vector<std::pair<std::shared_ptr<ConvNorm>, std::shared_ptr<ConvNorm>>> bottlenecks_;
};

// x + gamma ⊙ conv(GELU(conv(x))).
class ConvBlock : public torch::nn::Module {
  public:
    ConvBlock(int64_t width, bool layerScale);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    std::shared_ptr<ConvNorm> first_, second_;
    at::Tensor gamma_;
};

// 16 · sigmoid(MLP(log-spaced relative position)) per head.
class PositionBias : public torch::nn::Module {
  public:
    PositionBias(int64_t windowSize, int64_t headCount, int64_t hidden);
    // (1, heads, ω², ω²) for windows of `windowSize` patches; other sizes than the trained one keep its
    // scale.
    at::Tensor forward(int64_t windowSize) const;

  private:
    at::Tensor compute(int64_t windowSize) const;
    int64_t trainedWindow_;
    at::Tensor weight0_, bias0_, weight2_, table_, index_;
    struct Cached {
        int64_t window = 0;
        uint64_t version = 0;
        const void* storage = nullptr;
        at::Tensor bias;
    };
    mutable std::mutex mutex_;
    mutable Cached cached_;
};

class WindowAttention : public torch::nn::Module {
  public:
    WindowAttention(const EradioConfig& config, const EradioLevelConfig& level, int64_t windowSize);
    // (windows, ω², C)
    at::Tensor forward(const at::Tensor& x, int64_t windowSize) const;

  private:
    int64_t width_, headCount_;
    bool multiQuery_;
    double scale_;
    std::shared_ptr<nn::Linear> qkv_, proj_;
    std::shared_ptr<PositionBias> bias_;
};

// One attention block: subsample, attend within windows, MLP, upsample; half of the input is kept.
class AttentionBlock : public torch::nn::Module {
  public:
    AttentionBlock(const EradioConfig& config, const EradioLevelConfig& level, size_t index);
    // (B, C, H, W); windowSize 0: the trained one.
    at::Tensor forward(const at::Tensor& x, int64_t windowSize) const;

  private:
    at::Tensor subsample(const at::Tensor& x) const;
    at::Tensor upsample(const at::Tensor& x) const;
    at::Tensor tokenPart(const at::Tensor& tokens, int64_t windowSize) const;

    int64_t ratio_, window_;
    bool gated_, plainSum_ = false;
    std::shared_ptr<nn::Conv2d> down_;
    std::shared_ptr<nn::ConvTranspose2d> up_;
    std::shared_ptr<ConvNorm> downMixer_, upMixer_, before_;
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    std::shared_ptr<WindowAttention> attention_;
    std::shared_ptr<nn::Linear> fc1_, fc2_;
    at::Tensor gamma1_, gamma2_;
};

}  // namespace vitrine::eradio
