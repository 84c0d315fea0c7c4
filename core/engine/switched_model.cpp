#include "core/engine/switched_model.h"

#include "core/models/language/decoder_block.h"

#include <algorithm>

namespace vitrine {
namespace {

DecoderLinear::Product nothing() {
    return [](const at::Tensor& x, const nn::Linear& own) {
        auto sizes = x.sizes().vec();
        sizes.back() = own.weight.size(0);
        return at::zeros(sizes, x.options());
    };
}

DecoderLinear::Product withWeight(at::Tensor weight) {
    return [weight = std::move(weight)](const at::Tensor& x, const nn::Linear& own) {
        return at::linear(x, weight, own.bias);
    };
}

bool contains(const std::vector<int64_t>& list, int64_t value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

SwitchedModel::~SwitchedModel() {
    for (const auto& linear : model_.decoder().linears())
        linear->replaceProduct({});
}

at::Tensor SwitchedModel::own(DecoderLinear& linear) {
    const at::NoGradGuard plain;
    at::Tensor& weight = weights_[&linear];
    if (!weight.defined()) {
        weight = linear.weight.detach().clone();
        linear.replaceProduct(withWeight(weight));
    }
    return weight;
}

Result<void> SwitchedModel::checkLayers(const std::vector<int64_t>& layers) const {
    for (const int64_t layer : layers)
        if (layer < 0 || layer >= model_.decoder().depth())
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no layer {}, the model has {}",
                                                                layer, model_.decoder().depth()));
    return {};
}

Result<void> SwitchedModel::switchOff(const std::vector<int64_t>& attention,
                                      const std::vector<int64_t>& feedForward) {
    VITRINE_TRY_VOID(checkLayers(attention));
    VITRINE_TRY_VOID(checkLayers(feedForward));
    for (const auto& linear : model_.decoder().linears()) {
        const LinearRole role = linear->place().role;
        const auto& off =
            role == LinearRole::Out || role == LinearRole::AttentionLinear ? attention : feedForward;
        const bool last = role == LinearRole::Out || role == LinearRole::Down ||
                          role == LinearRole::AttentionLinear || role == LinearRole::FeedForwardLinear;
        if (last && contains(off, linear->place().block))
            linear->replaceProduct(nothing());
    }
    return {};
}

Result<void> SwitchedModel::switchHeadsOff(const std::vector<std::pair<int64_t, int64_t>>& heads) {
    std::vector<std::vector<int64_t>> off(size_t(model_.decoder().depth()));
    for (const auto& [layer, head] : heads) {
        VITRINE_TRY_VOID(checkLayers({layer}));
        const AttentionSettings& attention = model_.config().layers[size_t(layer)].attention;
        if (attention.kind != SubLayerKind::Standard || head < 0 || head >= attention.queryHeads)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("layer {} has no head {} (it has {})", layer, head,
                                    attention.kind == SubLayerKind::Standard ? attention.queryHeads : 0));
        off[size_t(layer)].push_back(head);
    }
    for (int64_t layer = 0; layer < model_.decoder().depth(); ++layer) {
        const auto out = model_.decoder().block(layer)->linear(LinearRole::Out);
        if (off[size_t(layer)].empty() || !out)
            continue;
        const auto weight = own(*out);
        const int64_t width = model_.config().layers[size_t(layer)].attention.headWidth;
        for (const int64_t head : off[size_t(layer)])
            weight.slice(1, head * width, (head + 1) * width).zero_();
    }
    return {};
}

Result<void> SwitchedModel::applyMasks(const MaskSet& masks, const std::vector<int64_t>& layers) {
    VITRINE_TRY_VOID(checkLayers(layers));
    const auto names = masks.names();
    for (const auto& linear : model_.decoder().linears()) {
        const std::string name = model_.decoder().linearName(linear->place()) + ".weight";
        if ((!layers.empty() && !contains(layers, linear->place().block)) ||
            std::find(names.begin(), names.end(), name) == names.end())
            continue;
        VITRINE_TRY(const auto mask, masks.mask(name));
        if (mask.sizes() != linear->weight.sizes())
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("the mask is [{}], the weight [{}]", fmt::join(mask.sizes(), ", "),
                                    fmt::join(linear->weight.sizes(), ", ")),
                        name, "These masks belong to another model");
        own(*linear).mul_(mask.to(linear->weight.options().requires_grad(false)));
    }
    return {};
}

Result<void> SwitchedModel::useCompressed(const CompressedWeights& weights, int64_t rank) {
    for (const auto& linear : model_.decoder().linears()) {
        const std::string name = model_.decoder().linearName(linear->place());
        const auto found = weights.layers.find(name);
        if (found == weights.layers.end())
            continue;
        const CompressedLinear& layer = found->second;
        if (layer.rows != linear->outFeatures() || layer.columns != linear->inFeatures())
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("the compressed layer is {} x {}, the model's {} x {}", layer.rows,
                                    layer.columns, linear->outFeatures(), linear->inFeatures()),
                        name, "These weights belong to another model");
        own(*linear).copy_(layer.ofRank(rank).weight());
    }
    return {};
}

}  // namespace vitrine
