// Learned downsamplers: what an encoder would have seen of a fine feature map. Multi-view training compares
// their result with the encoder's own coarse features; inference does not need them.
//
// The fine map is blurred (5x5, σ = 1, reflected); each coarse cell is the weighted mean of the K x K fine
// cells around it, the weights a softmax of logits that depend on what is there:
//
//   FeatSharp (Ranzinger et al. 2025): logits = kernel * x + kernel bias, one number for each of the K² cells
//     from a convolution over all of them, plus one bias a cell. Stride u, border 4 reflected.
//   FeatUp (Fu et al. 2024, eq. 4): logits = saliency(x) w + b, one saliency a fine cell (a linear layer of
//     its features), times and plus a learned K x K. No border, stride (H - K) / (n - 1).
//
// While training, a fifth of the coarse cells ignores what is there (logits 0) and uses the biases alone. The
// published FeatSharp does so in evaluation too; here it does not, so that results do not change by chance.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <optional>

namespace vitrine {

enum class DownsamplerKind { FeatSharp, FeatUp };

struct DownsamplerOptions {
    DownsamplerKind kind = DownsamplerKind::FeatSharp;
    int64_t channels = 0;
    int64_t kernel = 9;  // K
    int64_t stride = 2;  // fine cells to a coarse one
    double ignored = 0.2;
};

// Parameters as in the publications' files: attn_kernel, kernel_bias, logit_bias, blur_kernel (a buffer), or
// attention_net.1.weight and .bias, w, b.
class AttentionDownsampler : public torch::nn::Module {
  public:
    // Weights drawn from `random`.
    AttentionDownsampler(const DownsamplerOptions& options, const at::Generator& random);
    // fine (B, C, H, W) -> (B, C, h, w). With `random` the dropout of training.
    at::Tensor forward(const at::Tensor& fine, const at::Generator* random = nullptr) const;
    // (B, K², h, w): the weights of each coarse cell's mean; they sum to 1.
    at::Tensor weights(const at::Tensor& blurred, const at::Generator* random) const;
    // (B, C, H, W), blurred, with the border that the windows reach into.
    at::Tensor blurred(const at::Tensor& fine) const;

  private:
    DownsamplerOptions options_;
    at::Tensor kernel_, kernelBias_, logitBias_, blur_;
    at::Tensor saliencyWeight_, saliencyBias_, gain_, offset_;
};

}  // namespace vitrine
