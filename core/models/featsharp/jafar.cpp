#include "core/models/featsharp/jafar.h"

#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine::featsharp {
namespace {

constexpr int64_t kGroups = 8;
constexpr double kNormEpsilon = 1e-5;
// Scores are made for so many elements at a time.
constexpr int64_t kChunkElements = int64_t(1) << 24;

std::shared_ptr<nn::Conv2d> convolution(int64_t in, int64_t out, int64_t kernel, int64_t padding = 0) {
    nn::ConvOptions options;
    options.kernelHeight = options.kernelWidth = kernel;
    options.padding = padding;
    options.bias = false;
    return std::make_shared<nn::Conv2d>(in, out, options);
}

at::Tensor plainGroupNorm(const at::Tensor& x) {
    return at::group_norm(x, kGroups, {}, {}, kNormEpsilon);
}

class GroupNorm : public torch::nn::Module {
  public:
    explicit GroupNorm(int64_t width) {
        weight_ = register_parameter("weight", at::ones({width}));
        bias_ = register_parameter("bias", at::zeros({width}));
    }
    at::Tensor forward(const at::Tensor& x) const {
        return at::group_norm(x, kGroups, weight_, bias_, kNormEpsilon);
    }

  private:
    at::Tensor weight_, bias_;
};

// x + conv2(silu(norm2(conv1(silu(norm1 x))))).
class ResidualBlock : public torch::nn::Module {
  public:
    explicit ResidualBlock(int64_t width) {
        norm1_ = register_module("norm1", std::make_shared<GroupNorm>(width));
        conv1_ = register_module("conv1", convolution(width, width, 1));
        norm2_ = register_module("norm2", std::make_shared<GroupNorm>(width));
        conv2_ = register_module("conv2", convolution(width, width, 1));
    }
    at::Tensor forward(const at::Tensor& x) const {
        const at::Tensor inner = conv1_->forward(at::silu(norm1_->forward(x)));
        return x + conv2_->forward(at::silu(norm2_->forward(inner)));
    }

  private:
    std::shared_ptr<GroupNorm> norm1_, norm2_;
    std::shared_ptr<nn::Conv2d> conv1_, conv2_;
};

}  // namespace

class JafarEncoder : public torch::nn::Module {
  public:
    JafarEncoder(int64_t in, int64_t width, int64_t kernel) : border_(kernel / 2) {
        first_ = register_module("0", convolution(in, width, kernel));
        block1_ = register_module("1", std::make_shared<ResidualBlock>(width));
        block2_ = register_module("2", std::make_shared<ResidualBlock>(width));
    }
    at::Tensor forward(const at::Tensor& x) const {
        const at::Tensor padded =
            border_ == 0 ? x : at::reflection_pad2d(x, {border_, border_, border_, border_});
        return block2_->forward(block1_->forward(first_->forward(padded)));
    }

  private:
    int64_t border_;
    std::shared_ptr<nn::Conv2d> first_;
    std::shared_ptr<ResidualBlock> block1_, block2_;
};

Jafar::Jafar(int64_t featureWidth, int64_t width, int64_t headCount) : width_(width), headCount_(headCount) {
    image_ = register_module("image_encoder", std::make_shared<JafarEncoder>(3, width, 3));
    key_ = register_module("key_encoder", std::make_shared<JafarEncoder>(width, width, 1));
    query_ = register_module("query_encoder", std::make_shared<JafarEncoder>(width, width, 1));
    features_ =
        register_module("key_features_encoder", std::make_shared<JafarEncoder>(featureWidth, width, 1));
    gamma_ = nn::registerAt(*this, "sft_key.gamma", convolution(width, width, 1));
    beta_ = nn::registerAt(*this, "sft_key.beta", convolution(width, width, 1));
    frequencies_ = nn::parameterAt(*this, "rope.freqs", {2, width});
    queryConv_ = nn::registerAt(*this, "cross_decode.conv2d", convolution(width, width, 3, 1));
    constexpr double epsilon = std::numeric_limits<float>::epsilon();  // torch's default for RMS norms
    const std::string cross = "cross_decode.cross_attn.";
    normQuery_ = nn::registerAt(*this, cross + "norm_q", std::make_shared<nn::RmsNorm>(width, epsilon));
    normKey_ = nn::registerAt(*this, cross + "norm_k", std::make_shared<nn::RmsNorm>(width, epsilon));
    queryWeight_ = nn::parameterAt(*this, cross + "attention.q_proj_weight", {width, width});
    keyWeight_ = nn::parameterAt(*this, cross + "attention.k_proj_weight", {width, width});
    projectionBias_ = nn::parameterAt(*this, cross + "attention.in_proj_bias", {3 * width});
    // Only the attention's probabilities are used: its value path is in checkpoints, but without effect.
    nn::registerAt(*this, cross + "norm_v", std::make_shared<nn::RmsNorm>(featureWidth, epsilon));
    nn::parameterAt(*this, cross + "attention.v_proj_weight", {width, featureWidth});
    nn::registerAt(*this, cross + "attention.out_proj", std::make_shared<nn::Linear>(width, width));
}

Jafar::~Jafar() = default;

at::Tensor Jafar::rotated(const at::Tensor& map) const {
    const int64_t height = map.size(2), width = map.size(3), half = width_ / 2;
    // angle(y, x) = y f0 + x f1, coordinates 0 to 1 from border to border.
    const at::Tensor rows = at::linspace(0, 1, height, map.options()).view({1, height, 1});
    const at::Tensor columns = at::linspace(0, 1, width, map.options()).view({1, 1, width});
    const auto frequency = [&](int64_t axis) { return frequencies_[axis].view({width_, 1, 1}); };
    const at::Tensor angle = rows * frequency(0) + columns * frequency(1);
    const at::Tensor turned = at::cat({-map.narrow(1, half, width_ - half), map.narrow(1, 0, half)}, 1);
    return map * angle.cos() + turned * angle.sin();
}

at::Tensor Jafar::mixed(const at::Tensor& query, const at::Tensor& key, const at::Tensor& values) const {
    const double scale = 1 / std::sqrt(double(width_) / double(headCount_));
    const at::Tensor q = nn::splitHeads(
        at::linear(normQuery_->forward(query), queryWeight_, projectionBias_.narrow(0, 0, width_)),
        headCount_);
    const at::Tensor k = nn::splitHeads(
        at::linear(normKey_->forward(key), keyWeight_, projectionBias_.narrow(0, width_, width_)),
        headCount_);
    const int64_t perQuery = query.size(0) * headCount_ * key.size(1);
    const int64_t chunk = std::max<int64_t>(1, kChunkElements / perQuery);
    std::vector<at::Tensor> parts;
    for (int64_t first = 0; first < query.size(1); first += chunk) {
        const int64_t count = std::min(chunk, query.size(1) - first);
        const at::Tensor scores = at::matmul(q.narrow(2, first, count) * scale, k.transpose(2, 3)).softmax(3);
        parts.push_back(at::matmul(scores.mean(1), values));
    }
    return parts.size() == 1 ? parts[0] : at::cat(parts, 1);
}

at::Tensor Jafar::forward(const at::Tensor& features, const at::Tensor& picture, int64_t height,
                          int64_t width) const {
    const at::Tensor encoded = rotated(image_->forward(picture));
    const at::Tensor queries =
        plainGroupNorm(at::adaptive_avg_pool2d(query_->forward(encoded), {height, width}));
    const at::Tensor keys =
        at::adaptive_avg_pool2d(key_->forward(encoded), {features.size(2), features.size(3)});
    const at::Tensor unit = features / features.norm(2, {1}, true).clamp_min(1e-12);
    const at::Tensor condition = features_->forward(unit);
    const at::Tensor modulated =
        gamma_->forward(condition) * plainGroupNorm(keys) + beta_->forward(condition);
    const at::Tensor out = mixed(nn::tokensFromMap(queryConv_->forward(queries)),
                                 nn::tokensFromMap(modulated), nn::tokensFromMap(features));
    return nn::mapFromTokens(out, height, width).contiguous();
}

}  // namespace vitrine::featsharp
