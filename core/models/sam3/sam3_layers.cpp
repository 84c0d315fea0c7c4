#include "core/models/sam3/sam3_layers.h"

#include "core/nn/functional.h"
#include "core/nn/fused.h"

#include <cmath>

namespace vitrine::sam3 {
namespace {

std::shared_ptr<nn::LayerNorm> makeNorm(int64_t width) {
    return std::make_shared<nn::LayerNorm>(width, kDetectorNormEpsilon);
}

at::Tensor placed(const at::Tensor& tokens, const at::Tensor& positions) {
    return positions.defined() ? tokens + positions : tokens;
}

}  // namespace

Attention::Attention(int64_t width, int64_t headCount) : headCount_(headCount) {
    query_ = register_module("q_proj", std::make_shared<nn::Linear>(width, width));
    key_ = register_module("k_proj", std::make_shared<nn::Linear>(width, width));
    value_ = register_module("v_proj", std::make_shared<nn::Linear>(width, width));
    output_ = register_module("o_proj", std::make_shared<nn::Linear>(width, width));
}

at::Tensor Attention::forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                              const AttentionBias& bias) const {
    const at::Tensor q = nn::splitHeads(query_->forward(query), headCount_);
    const at::Tensor k = nn::splitHeads(key_->forward(key), headCount_);
    const at::Tensor v = nn::splitHeads(value_->forward(value), headCount_);
    return output_->forward(nn::mergeHeads(nn::attention(q, k, v, 1.0 / std::sqrt(double(q.size(3))), bias)));
}

Mlp::Mlp(const StackSizes& sizes) : activation_(nn::activationByName(sizes.activation)) {
    up_ = register_module("fc1", std::make_shared<nn::Linear>(sizes.width, sizes.mlpWidth));
    down_ = register_module("fc2", std::make_shared<nn::Linear>(sizes.mlpWidth, sizes.width));
}

at::Tensor Mlp::forward(const at::Tensor& x) const {
    return down_->forward(nn::linear(x, up_->weight, up_->bias, activation_));
}

HeadMlp::HeadMlp(int64_t inWidth, int64_t innerWidth, int64_t outWidth, int64_t depth) {
    for (int64_t i = 1; i <= depth; ++i)
        layers_.push_back(register_module(
            fmt::format("layer{}", i),
            std::make_shared<nn::Linear>(i == 1 ? inWidth : innerWidth, i == depth ? outWidth : innerWidth)));
}

at::Tensor HeadMlp::forward(const at::Tensor& x) const {
    at::Tensor y = layers_[0]->forward(x);
    for (size_t i = 1; i < layers_.size(); ++i)
        y = layers_[i]->forward(at::relu(y));
    return y;
}

FusionLayer::FusionLayer(const StackSizes& sizes) {
    norm1_ = register_module("layer_norm1", makeNorm(sizes.width));
    self_ = register_module("self_attn", std::make_shared<Attention>(sizes.width, sizes.headCount));
    norm2_ = register_module("layer_norm2", makeNorm(sizes.width));
    cross_ = register_module("cross_attn", std::make_shared<Attention>(sizes.width, sizes.headCount));
    norm3_ = register_module("layer_norm3", makeNorm(sizes.width));
    mlp_ = register_module("mlp", std::make_shared<Mlp>(sizes));
}

at::Tensor FusionLayer::forward(const at::Tensor& tokens, const at::Tensor& ownPositions,
                                const AttentionBias& ownBias, const at::Tensor& other,
                                const at::Tensor& otherPositions, const AttentionBias& otherBias) const {
    const at::Tensor normed = norm1_->forward(tokens);
    const at::Tensor own = placed(normed, ownPositions);
    at::Tensor x = tokens + self_->forward(own, own, normed, ownBias);
    x = x + cross_->forward(norm2_->forward(x), placed(other, otherPositions), other, otherBias);
    return x + mlp_->forward(norm3_->forward(x));
}

at::Tensor cornersOf(const at::Tensor& boxes) {
    const at::Tensor centre = boxes.narrow(-1, 0, 2), half = boxes.narrow(-1, 2, 2) * 0.5;
    return at::cat({centre - half, centre + half}, -1);
}

}  // namespace vitrine::sam3
