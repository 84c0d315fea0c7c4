#include "core/models/sam3/sam3_vision.h"

#include "core/models/sam/sine_positions.h"
#include "core/models/sam/windows.h"
#include "core/nn/functional.h"
#include "core/nn/fused.h"

#include <algorithm>

namespace vitrine::sam3 {
namespace {

struct Rotation {
    at::Tensor cos, sin;  // (side², head width)
};

// Channels turn in neighbouring pairs: the first half by the column, the second by the row. Positions of a
// global block are scaled down to the range of a window, so that both see the same angles.
Rotation rotationOf(int64_t side, const VisionSizes& sizes, const at::TensorOptions& options) {
    const int64_t headWidth = sizes.width / sizes.headCount;
    const auto float32 = options.dtype(at::kFloat);
    const at::Tensor frequencies =
        at::pow(at::Scalar(sizes.ropeTheta), at::arange(0, headWidth, 4, float32) / (-double(headWidth)));
    const at::Tensor position = at::arange(side, float32) * (double(sizes.windowSize) / double(side));
    const at::Tensor angles = position.unsqueeze(1) * frequencies.unsqueeze(0);  // (side, headWidth / 4)
    const std::vector<int64_t> shape{side, side, headWidth / 4};
    const at::Tensor both =
        at::cat({angles.unsqueeze(0).expand(shape), angles.unsqueeze(1).expand(shape)}, -1)
            .flatten(0, 1)
            .repeat_interleave(2, -1);
    return {both.cos(), both.sin()};
}

at::Tensor rotate(const at::Tensor& x, const Rotation& rotation) {
    const at::Tensor wide = x.to(at::kFloat);
    const at::Tensor pairs = wide.unflatten(-1, {-1, 2});
    const at::Tensor turned = at::stack({-pairs.select(-1, 1), pairs.select(-1, 0)}, -1).flatten(-2);
    return (wide * rotation.cos + turned * rotation.sin).to(x.scalar_type());
}

class VisionAttention : public torch::nn::Module {
  public:
    explicit VisionAttention(const VisionSizes& s) : headCount_(s.headCount) {
        query_ = register_module("q_proj", std::make_shared<nn::Linear>(s.width, s.width));
        key_ = register_module("k_proj", std::make_shared<nn::Linear>(s.width, s.width));
        value_ = register_module("v_proj", std::make_shared<nn::Linear>(s.width, s.width));
        output_ = register_module("o_proj", std::make_shared<nn::Linear>(s.width, s.width));
    }
    at::Tensor forward(const at::Tensor& x, const Rotation& rotation) const {
        const at::Tensor tokens = x.flatten(1, 2);
        const at::Tensor q = rotate(nn::splitHeads(query_->forward(tokens), headCount_), rotation);
        const at::Tensor k = rotate(nn::splitHeads(key_->forward(tokens), headCount_), rotation);
        const at::Tensor v = nn::splitHeads(value_->forward(tokens), headCount_);
        const at::Tensor attended = nn::attention(q, k, v, 1.0 / std::sqrt(double(q.size(3))));
        return output_->forward(nn::mergeHeads(attended)).reshape(x.sizes());
    }

  private:
    int64_t headCount_;
    std::shared_ptr<nn::Linear> query_, key_, value_, output_;
};

}  // namespace

class VisionLayer : public torch::nn::Module {
  public:
    VisionLayer(const VisionSizes& s, bool global)
        : windowSize(global ? 0 : s.windowSize), activation_(nn::activationByName(s.activation)) {
        norm1_ = register_module("layer_norm1", std::make_shared<nn::LayerNorm>(s.width, s.layerNormEpsilon));
        attention_ = register_module("attention", std::make_shared<VisionAttention>(s));
        norm2_ = register_module("layer_norm2", std::make_shared<nn::LayerNorm>(s.width, s.layerNormEpsilon));
        auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
        up_ = mlp->register_module("fc1", std::make_shared<nn::Linear>(s.width, s.mlpWidth));
        down_ = mlp->register_module("fc2", std::make_shared<nn::Linear>(s.mlpWidth, s.width));
    }
    at::Tensor forward(const at::Tensor& x, const Rotation& rotation) const {
        at::Tensor attended = norm1_->forward(x);
        if (windowSize > 0) {
            attended = attention_->forward(sam::splitIntoWindows(attended, windowSize), rotation);
            attended = sam::joinWindows(attended, windowSize, x.size(1), x.size(2));
        } else {
            attended = attention_->forward(attended, rotation);
        }
        const at::Tensor y = x + attended;
        return y + down_->forward(nn::linear(norm2_->forward(y), up_->weight, up_->bias, activation_));
    }

    const int64_t windowSize;  // 0: attends globally

  private:
    nn::Activation activation_;
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    std::shared_ptr<VisionAttention> attention_;
    std::shared_ptr<nn::Linear> up_, down_;
};

// One level of the pyramid: resized by transposed convolutions or pooling, then two convolutions.
class PyramidLevel : public torch::nn::Module {
  public:
    PyramidLevel(const VisionSizes& s, double scale) : pools_(scale == 0.5) {
        const nn::ConvOptions doubling{.kernelHeight = 2, .kernelWidth = 2, .stride = 2};
        auto list = register_module("scale_layers", std::make_shared<torch::nn::Module>());
        int64_t channels = s.width;
        // The activation between the two has a number in the reference's list too.
        for (int64_t index = 0; scale >= 2; scale /= 2, index += 2, channels /= 2)
            doublings_.push_back(list->register_module(
                std::to_string(index),
                std::make_shared<nn::ConvTranspose2d>(channels, channels / 2, doubling)));
        first_ = register_module("proj1",
                                 std::make_shared<nn::Conv2d>(channels, s.pyramidWidth, nn::ConvOptions{}));
        second_ = register_module(
            "proj2",
            std::make_shared<nn::Conv2d>(s.pyramidWidth, s.pyramidWidth,
                                         nn::ConvOptions{.kernelHeight = 3, .kernelWidth = 3, .padding = 1}));
    }
    at::Tensor forward(const at::Tensor& map) const {
        at::Tensor x = pools_ ? at::max_pool2d(map, {2, 2}, {2, 2}) : map;
        for (size_t i = 0; i < doublings_.size(); ++i)
            x = doublings_[i]->forward(i > 0 ? at::gelu(x) : x);
        return second_->forward(first_->forward(x));
    }

  private:
    bool pools_;
    std::vector<std::shared_ptr<nn::ConvTranspose2d>> doublings_;
    std::shared_ptr<nn::Conv2d> first_, second_;
};

VisionEncoderModule::VisionEncoderModule(const VisionSizes& s) : sizes(s) {
    auto backbone = register_module("backbone", std::make_shared<torch::nn::Module>());
    auto embeddings = backbone->register_module("embeddings", std::make_shared<torch::nn::Module>());
    auto patches = embeddings->register_module("patch_embeddings", std::make_shared<torch::nn::Module>());
    projection_ = patches->register_module(
        "projection", std::make_shared<nn::Conv2d>(s.inputChannels, s.width,
                                                   nn::ConvOptions{.kernelHeight = s.patchSize,
                                                                   .kernelWidth = s.patchSize,
                                                                   .stride = s.patchSize,
                                                                   .bias = false}));
    const int64_t side = s.pretrainImageSize / s.patchSize;
    positions_ = embeddings->register_parameter("position_embeddings", at::empty({1, side * side, s.width}));
    norm_ =
        backbone->register_module("layer_norm", std::make_shared<nn::LayerNorm>(s.width, s.layerNormEpsilon));
    auto list = backbone->register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i < s.depth; ++i) {
        const bool global =
            std::find(s.globalLayers.begin(), s.globalLayers.end(), i) != s.globalLayers.end();
        layers_.push_back(list->register_module(std::to_string(i), std::make_shared<VisionLayer>(s, global)));
    }
    auto neck = register_module("neck", std::make_shared<torch::nn::Module>());
    auto levels = neck->register_module("fpn_layers", std::make_shared<torch::nn::Module>());
    for (size_t i = 0; i < s.scales.size(); ++i)
        levels_.push_back(
            levels->register_module(std::to_string(i), std::make_shared<PyramidLevel>(s, s.scales[i])));
}

VisionOutput VisionEncoderModule::forward(const at::Tensor& pixels) const {
    at::Tensor x = projection_->forward(pixels).permute({0, 2, 3, 1});
    // The table of the training size is repeated over larger maps, not resized.
    const int64_t side = sizes.pretrainImageSize / sizes.patchSize;
    const at::Tensor table = positions_.view({1, side, side, sizes.width})
                                 .tile({1, x.size(1) / side + 1, x.size(2) / side + 1, 1})
                                 .slice(1, 0, x.size(1))
                                 .slice(2, 0, x.size(2));
    VisionOutput output;
    output.states.push_back(norm_->forward(x + table));
    const Rotation inWindow = rotationOf(sizes.windowSize, sizes, x.options());
    const Rotation everywhere = rotationOf(sizes.grid(), sizes, x.options());
    for (const auto& layer : layers_)
        output.states.push_back(
            layer->forward(output.states.back(), layer->windowSize > 0 ? inWindow : everywhere));
    const at::Tensor map = output.states.back().permute({0, 3, 1, 2});
    for (const auto& level : levels_) {
        output.levels.push_back(level->forward(map));
        output.positions.push_back(sam::sinePositions(output.levels.back()));
    }
    return output;
}

size_t VisionEncoderModule::embeddingLevel() const {
    return size_t(std::find(sizes.scales.begin(), sizes.scales.end(), 1.0) - sizes.scales.begin());
}

}  // namespace vitrine::sam3
