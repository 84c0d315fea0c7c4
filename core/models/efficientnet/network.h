// EfficientNet-Lite (Tan and Le 2019; Lite: no squeeze-and-excitation, ReLU6, fixed stem and head) under the
// tensor names of the PyTorch port: _conv_stem, _bn0, _blocks.N._expand_conv, ..., _conv_head, _bn1, _fc.
// TensorFlow "SAME" padding.
#pragma once

#include "core/base/result.h"
#include "core/io/tensor_source.h"
#include "core/nn/layers.h"

namespace vitrine::efficientnet {

inline constexpr double kBatchNormEpsilon = 1e-3;

// One inverted residual block: what its weights do not tell.
struct BlockShape {
    int64_t inChannels, outChannels, expandedChannels, kernel, stride;
};

// Channels and kernels from the stored shapes; strides are the published ones of each stage (a block starts a
// stage where the channel count changes). InvalidFile if there are more stages than the family has.
Result<std::vector<BlockShape>> blockShapes(const TensorSource& weights);

class Block;

class Network : public torch::nn::Module {
  public:
    // classCount 0: without the classifier.
    Network(const std::vector<BlockShape>& blocks, int64_t stemChannels, int64_t headChannels,
            int64_t classCount);
    // Outputs of the stem (0), every block (1..n) and the head (n + 1), each (B, C, h, w).
    std::vector<at::Tensor> maps(const at::Tensor& pixels) const;
    // (B, headChannels) -> (B, classes). Needs the classifier.
    at::Tensor logits(const at::Tensor& summary) const;

  private:
    std::shared_ptr<nn::Conv2d> stem_, head_;
    std::shared_ptr<nn::BatchNorm> stemNorm_, headNorm_;
    std::vector<std::shared_ptr<Block>> blocks_;
    std::shared_ptr<nn::Linear> classifier_;
};

}  // namespace vitrine::efficientnet
