// Prompts of Segment Anything: points, boxes and masks become embeddings in the space of the image features.
#pragma once

#include "core/base/json.h"
#include "core/nn/layers.h"

namespace vitrine::sam {

// Random Fourier features of normalised coordinates (Tancik et al. 2020).
class PositionalEmbedding : public torch::nn::Module {
  public:
    explicit PositionalEmbedding(int64_t featureCount);
    // coordinates (..., 2) as (x, y) in [0, 1] -> (..., 2 · featureCount).
    at::Tensor forward(const at::Tensor& coordinates) const;
    // Embedding of every cell's centre: (1, 2 · featureCount, height, width).
    at::Tensor grid(int64_t height, int64_t width) const;

  private:
    at::Tensor frequencies_;
};

struct PromptSizes {
    int64_t width = 256, imageSize = 1024, patchSize = 16, maskChannels = 16, pointKinds = 4;
    double layerNormEpsilon = 1e-6;
    std::string activation = "gelu";
};
Result<PromptSizes> promptSizesFrom(const Json& config);

struct Prompts {
    at::Tensor points;  // (B, P, N, 2) pixels of the padded model input; undefined: none
    at::Tensor labels;  // (B, P, N): 1 object, 0 background, -1 not a point, -10 padding
    at::Tensor boxes;   // (B, P, 4) as x0, y0, x1, y1; undefined: none
    at::Tensor masks;   // (B, 1, 4h, 4w) logits; undefined: none
};

class PromptEncoder : public torch::nn::Module {
  public:
    PromptEncoder(const PromptSizes& sizes, std::shared_ptr<PositionalEmbedding> positions);
    // (B, P, N', C): one embedding per point and box corner; undefined without points and boxes.
    at::Tensor sparse(const Prompts& prompts) const;
    // (B, C, h, w).
    at::Tensor dense(const Prompts& prompts, int64_t batch) const;

    const PromptSizes sizes;

  private:
    at::Tensor embedPoints(at::Tensor points, at::Tensor labels, bool pad) const;
    at::Tensor embedBoxes(const at::Tensor& boxes) const;

    std::shared_ptr<PositionalEmbedding> positions_;  // shared with the image side, registered there
    std::shared_ptr<nn::Embedding> notAPoint_, noMask_;
    std::vector<std::shared_ptr<nn::Embedding>> pointKinds_;
    std::shared_ptr<nn::Conv2d> conv1_, conv2_, conv3_;
    std::shared_ptr<nn::LayerNorm2d> norm1_, norm2_;
    nn::Activation activation_;
};

}  // namespace vitrine::sam
