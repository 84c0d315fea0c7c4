#include "core/nn/vit_block.h"

#include "core/nn/functional.h"
#include "core/nn/fused.h"

#include <array>
#include <cmath>

namespace vitrine::nn {
namespace {

// One vector of scales in a submodule of its own, as checkpoints name it ("ls1.gamma").
class LayerScale : public torch::nn::Module {
  public:
    LayerScale(const std::string& parameter, int64_t width) {
        scale = register_parameter(parameter, at::empty({width}, at::kFloat));
    }
    at::Tensor scale;
};

std::array<at::Tensor, 3> unpackHeads(const at::Tensor& qkv, int64_t headCount) {
    const int64_t headWidth = qkv.size(2) / (3 * headCount);
    const at::Tensor heads = qkv.view({qkv.size(0), qkv.size(1), 3, headCount, headWidth});
    return {heads.select(2, 0).transpose(1, 2), heads.select(2, 1).transpose(1, 2),
            heads.select(2, 2).transpose(1, 2)};
}

}  // namespace

PackedAttention::PackedAttention(int64_t width, int64_t headCount, bool qkvBias, int64_t headWidth)
    : headCount_(headCount) {
    const int64_t inner = headWidth > 0 ? headCount * headWidth : width;
    qkv_ = register_module("qkv", std::make_shared<Linear>(width, 3 * inner, qkvBias));
    proj_ = register_module("proj", std::make_shared<Linear>(inner, width));
}

at::Tensor PackedAttention::forward(const at::Tensor& x, at::Tensor* probabilities) const {
    const auto [q, k, v] = unpackHeads(qkv_->forward(x), headCount_);
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(3)));
    return proj_->forward(mergeHeads(attention(q, k, v, scale, std::nullopt, false, probabilities)));
}

at::Tensor PackedAttention::forwardPacked(const at::Tensor& x, std::span<const int64_t> lengths) const {
    const auto [q, k, v] = unpackHeads(qkv_->forward(x), headCount_);
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(3)));
    std::vector<at::Tensor> attended;
    int64_t start = 0;
    for (const int64_t length : lengths) {
        attended.push_back(mergeHeads(attention(q.narrow(2, start, length), k.narrow(2, start, length),
                                                v.narrow(2, start, length), scale)));
        start += length;
    }
    return proj_->forward(at::cat(attended, 1));
}

at::Tensor PackedAttention::forwardReduced(const at::Tensor& x, TokenReduction& tokens, int64_t block) const {
    const auto [q, k, v] = unpackHeads(qkv_->forward(x), headCount_);
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(3)));
    tokens.look(block, q, k, scale);
    return proj_->forward(mergeHeads(attention(q, k, v, scale, tokens.attentionBias())));
}

VitMlp::VitMlp(const VitBlockOptions& options)
    : gated_(options.gated), activation_(activationByName(options.activation)) {
    first_ = register_module(
        gated_ ? "w12" : "fc1",
        std::make_shared<Linear>(options.width, gated_ ? 2 * options.hidden : options.hidden));
    if (options.mlpNorm)
        norm_ = register_module("norm", std::make_shared<LayerNorm>(options.hidden, options.epsilon));
    second_ = register_module(gated_ ? "w3" : "fc2", std::make_shared<Linear>(options.hidden, options.width));
}

at::Tensor VitMlp::forward(const at::Tensor& x) const {
    at::Tensor hidden;
    if (gated_) {
        const auto halves = first_->forward(x).chunk(2, -1);
        hidden = at::silu(halves[0]) * halves[1];
    } else {
        hidden = linear(x, first_->weight, first_->bias, activation_);
    }
    if (norm_)
        hidden = norm_->forward(hidden);
    return second_->forward(hidden);
}

VitBlock::VitBlock(const VitBlockOptions& options) {
    norm1_ = register_module("norm1", std::make_shared<LayerNorm>(options.width, options.epsilon));
    attention_ =
        register_module("attn", std::make_shared<PackedAttention>(options.width, options.headCount,
                                                                  options.qkvBias, options.headWidth));
    norm2_ = register_module("norm2", std::make_shared<LayerNorm>(options.width, options.epsilon));
    mlp_ = register_module("mlp", std::make_shared<VitMlp>(options));
    const auto addScale = [&](const std::string& name) {
        const auto scale = std::make_shared<LayerScale>(options.layerScaleParameter, options.width);
        register_module(name, scale);
        return scale->scale;
    };
    if (!options.layerScale1.empty())
        scale1_ = addScale(options.layerScale1);
    if (!options.layerScale2.empty())
        scale2_ = addScale(options.layerScale2);
}

at::Tensor VitBlock::finish(const at::Tensor& x, const at::Tensor& attended) const {
    const at::Tensor sum = addBranch(x, attended, scale1_);
    return addBranch(sum, mlp_->forward(norm2_->forward(sum)), scale2_);
}

at::Tensor VitBlock::forward(const at::Tensor& x, at::Tensor* probabilities) const {
    return finish(x, attention_->forward(norm1_->forward(x), probabilities));
}

at::Tensor VitBlock::forwardReduced(const at::Tensor& x, TokenReduction& tokens, int64_t block) const {
    const at::Tensor attended = attention_->forwardReduced(norm1_->forward(x), tokens, block);
    const at::Tensor fewer = tokens.reduce(addBranch(x, attended, scale1_));
    return addBranch(fewer, mlp_->forward(norm2_->forward(fewer)), scale2_);
}

at::Tensor VitBlock::forwardPacked(const at::Tensor& x, std::span<const int64_t> lengths) const {
    return finish(x, attention_->forwardPacked(norm1_->forward(x), lengths));
}

}  // namespace vitrine::nn
