// FeatUp's implicit upsampler (Fu et al. 2024, section 3.2): the fine features of one picture as a function
// of place and colour, a small network over Fourier features that is fitted to that picture alone.
#pragma once

#include "core/nn/layers.h"

#include <memory>

namespace vitrine::featup {

struct ImplicitConfig {
    int64_t outputs = 128;     // K: principal components of the encoder's features
    int64_t frequencies = 30;  // F
    int64_t hidden = 128;
    double dropout = 0.2;  // of whole channels, while it is fitted

    int64_t inputs() const { return 10 * frequencies + 3; }
};

// Colours of the fine grid: picture (1, 3, H, W) as the encoder takes it -> (1, 3, H / cell, W / cell), means
// of cells of `cell` pixels a side, each channel spread over -0.5 to 0.5.
at::Tensor implicitColors(const at::Tensor& picture, int64_t cell);

// norm, dropout, linear, ReLU, dropout, norm, linear, ReLU, linear; the linear layers are 1x1 convolutions.
// Tensors "phases" (2, F, 5), "norm1.*", "layer1.*", "norm2.*", "layer2.*", "layer3.*".
class ImplicitNetwork : public torch::nn::Module {
  public:
    explicit ImplicitNetwork(const ImplicitConfig& config);
    // Draws layers as PyTorch starts them and normal phases.
    void start(const at::Generator& random);

    // colors (1, 3, H, W) -> (1, 10 F + 3, H, W): sin(f v + p) of every frequency f and value v of (row,
    // column, red, green, blue), cos(f v + q) in the same order, and the colours. Frequencies are spaced
    // logarithmically from e^-2 to e^10, places run from -1 to 1 over the picture's edges, p and q are
    // learned.
    at::Tensor fourierFeatures(const at::Tensor& colors) const;
    // colors (1, 3, H, W) -> (1, K, H, W). With `random` the dropout of fitting.
    at::Tensor forward(const at::Tensor& colors, const at::Generator* random = nullptr) const;
    const ImplicitConfig& config() const { return config_; }

  private:
    ImplicitConfig config_;
    at::Tensor phases_;
    std::shared_ptr<nn::LayerNorm2d> norm1_, norm2_;
    std::shared_ptr<nn::Conv2d> layer1_, layer2_, layer3_;
};

}  // namespace vitrine::featup
