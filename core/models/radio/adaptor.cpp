#include "core/models/radio/adaptor.h"

namespace vitrine {
namespace {

constexpr double kHeadEpsilon = 1e-5;  // the trunk uses 1e-6

// Registers children under dotted names ("blocks.0.2"), as torch's Sequential and ModuleList name them.
void registerBelow(torch::nn::Module& parent, const std::string& path,
                   std::shared_ptr<torch::nn::Module> child) {
    const size_t dot = path.find('.');
    if (dot == std::string::npos) {
        parent.register_module(path, std::move(child));
        return;
    }
    const std::string head = path.substr(0, dot);
    std::shared_ptr<torch::nn::Module> next;
    for (const auto& item : parent.named_children())
        if (item.key() == head)
            next = item.value();
    if (!next)
        next = parent.register_module(head, std::make_shared<torch::nn::Module>());
    registerBelow(*next, path.substr(dot + 1), std::move(child));
}

}  // namespace

AdaptorHead::AdaptorHead(const RadioHeadConfig& config) : kind_(config.kind) {
    const auto norm = [&](const std::string& name, int64_t width) {
        auto layer = std::make_shared<nn::LayerNorm>(width, kHeadEpsilon);
        registerBelow(*this, name, layer);
        return layer;
    };
    const auto linear = [&](const std::string& name, int64_t in, int64_t out) {
        auto layer = std::make_shared<nn::Linear>(in, out);
        registerBelow(*this, name, layer);
        return layer;
    };
    if (kind_ == RadioHeadConfig::Kind::Attention) {
        for (int i = 0; i < 2; ++i) {
            attentionBlocks_.push_back(std::make_shared<nn::VitBlock>(config.block));
            registerBelow(*this, fmt::format("blocks.{}", i), attentionBlocks_.back());
        }
        RadioHeadConfig mlp = config;
        mlp.kind = RadioHeadConfig::Kind::Mlp2;
        mlp.inner = 0;
        mlp_ = register_module("mlp", std::make_shared<AdaptorHead>(mlp));
        return;
    }
    const bool second = kind_ == RadioHeadConfig::Kind::Mlp2;
    if (config.preNorm)
        preNorm_ = norm("pre_norm.0", config.input);
    first_ = linear("fc1", config.input, config.hidden);
    if (!second)
        norm_ = norm("norm", config.hidden);
    for (int64_t i = 0; i < config.inner; ++i) {
        // Sequential counts the activations too: (LN, GELU, Linear) against (Linear, LN, ReLU).
        auto layerNorm =
            norm(second ? fmt::format("blocks.{}.0", i) : fmt::format("inner.{}", 3 * i + 1), config.hidden);
        auto layer = linear(second ? fmt::format("blocks.{}.2", i) : fmt::format("inner.{}", 3 * i),
                            config.hidden, config.hidden);
        inner_.emplace_back(std::move(layerNorm), std::move(layer));
    }
    if (second)
        norm_ = norm("final.0", config.hidden);
    last_ = linear(second ? "final.2" : "fc2", config.hidden, config.output);
}

at::Tensor AdaptorHead::forward(const at::Tensor& x) const {
    switch (kind_) {
        case RadioHeadConfig::Kind::Mlp1:
            return forwardMlp1(x);
        case RadioHeadConfig::Kind::Mlp2:
            return forwardMlp2(x);
        case RadioHeadConfig::Kind::Attention:
            break;
    }
    at::Tensor state = x;
    for (const auto& block : attentionBlocks_)
        state = block->forward(state);
    return mlp_->forward(state);
}

at::Tensor AdaptorHead::forwardMlp1(const at::Tensor& x) const {
    at::Tensor state = at::relu(norm_->forward(first_->forward(x)));
    for (const auto& [norm, linear] : inner_)
        state = at::relu(norm->forward(linear->forward(state)));
    return last_->forward(state);
}

at::Tensor AdaptorHead::forwardMlp2(const at::Tensor& x) const {
    at::Tensor state = first_->forward(preNorm_ ? at::gelu(preNorm_->forward(x)) : x);
    for (const auto& [norm, linear] : inner_)
        state = state + linear->forward(at::gelu(norm->forward(state)));
    return last_->forward(at::gelu(norm_->forward(state)));
}

Adaptor::Adaptor(const RadioAdaptorConfig& config) : headIndex_(config.headIndex) {
    if (config.summary)
        summaryHead_ = register_module("head_mlp", std::make_shared<AdaptorHead>(*config.summary));
    if (config.features) {
        featureHead_ = register_module("feat_mlp", std::make_shared<AdaptorHead>(*config.features));
        upsample_ = config.features->upsample;
    }
}

at::Tensor Adaptor::summary(const at::Tensor& classToken) const {
    return summaryHead_ ? summaryHead_->forward(classToken).to(at::kFloat) : at::Tensor();
}

at::Tensor Adaptor::features(const at::Tensor& features, int64_t gridHeight, int64_t gridWidth) const {
    if (!featureHead_)
        return {};
    at::Tensor out = featureHead_->forward(features).to(at::kFloat);
    if (upsample_ == 1)
        return out;
    const int64_t batch = out.size(0), u = upsample_, channels = out.size(2) / (u * u);
    return out.view({batch, gridHeight, gridWidth, u, u, channels})
        .permute({0, 1, 3, 2, 4, 5})
        .reshape({batch, gridHeight * u * gridWidth * u, channels});
}

}  // namespace vitrine
