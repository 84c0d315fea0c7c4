#include "core/engine/switched_encoder.h"

#include "core/base/check.h"

#include <algorithm>

namespace vitrine {

Result<std::unique_ptr<SwitchedEncoder>> SwitchedEncoder::open(Model& model, const StoredShapes& stored) {
    VITRINE_TRY(auto blocks, encoderBlocks(model, {}));
    return std::unique_ptr<SwitchedEncoder>(new SwitchedEncoder(model, stored, std::move(blocks)));
}

SwitchedEncoder::SwitchedEncoder(Model& model, StoredShapes stored, std::unique_ptr<BlockModel> blocks)
    : stored_(std::move(stored)), blocks_(std::move(blocks)) {
    const EncoderInfo& info = model.encoder()->info();
    headWidth_ = info.featureWidth / std::max<int64_t>(1, info.headCount);
    for (int64_t layer = 0; layer < blocks_->depth(); ++layer)
        linears_.push_back(blocks_->linears(layer));
    for (const auto& entry : model.module()->named_parameters())
        parameters_[entry.key()] = entry.value();
}

SwitchedEncoder::~SwitchedEncoder() {
    for (auto& [parameter, data] : before_)
        parameter.set_data(data);
}

const BlockLinear& SwitchedEncoder::linear(int64_t layer, int group) const {
    const auto& all = linears_[size_t(layer)];
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const BlockLinear& each) { return each.group == group; });
    VITRINE_CHECK(found != all.end(), "a block of a ViT has four groups of linear layers");
    return *found;
}

int64_t SwitchedEncoder::heads(int64_t layer) const {
    return linear(layer, 1).weight.size(1) / headWidth_;
}

at::Tensor SwitchedEncoder::own(at::Tensor parameter) {
    const auto same = [&](const auto& each) { return each.first.is_same(parameter); };
    if (std::none_of(before_.begin(), before_.end(), same)) {
        before_.emplace_back(parameter, parameter.detach());
        parameter.set_data(parameter.detach().clone());
    }
    return parameter.detach();
}

Result<void> SwitchedEncoder::checkLayer(int64_t layer) const {
    if (layer < 0 || layer >= layers())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no layer {}, the encoder has {}", layer, layers()));
    return {};
}

// What the last layer of a sub-layer adds, its bias included.
void SwitchedEncoder::zero(int64_t layer, int group) {
    const BlockLinear& last = linear(layer, group);
    own(last.weight).zero_();
    if (const auto bias = parameters_.find(last.name + ".bias"); bias != parameters_.end())
        own(bias->second).zero_();
}

Result<void> SwitchedEncoder::switchOff(const std::vector<int64_t>& attention,
                                        const std::vector<int64_t>& feedForward) {
    for (const auto* list : {&attention, &feedForward})
        for (const int64_t layer : *list)
            VITRINE_TRY_VOID(checkLayer(layer));
    for (const int64_t layer : attention)
        zero(layer, 1);
    for (const int64_t layer : feedForward)
        zero(layer, 3);
    return {};
}

Result<void> SwitchedEncoder::switchHeadsOff(const std::vector<std::pair<int64_t, int64_t>>& heads) {
    for (const auto& [layer, head] : heads) {
        VITRINE_TRY_VOID(checkLayer(layer));
        if (head < 0 || head >= this->heads(layer))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("layer {} has no head {} (it has {})", layer, head, this->heads(layer)));
    }
    for (const auto& [layer, head] : heads)
        own(linear(layer, 1).weight).narrow(1, head * headWidth_, headWidth_).zero_();
    return {};
}

Result<void> SwitchedEncoder::applyMasks(const MaskSet& masks, const std::vector<int64_t>& layers) {
    for (const int64_t layer : layers)
        VITRINE_TRY_VOID(checkLayer(layer));
    const auto names = masks.names();
    for (int64_t layer = 0; layer < this->layers(); ++layer) {
        if (!layers.empty() && std::find(layers.begin(), layers.end(), layer) == layers.end())
            continue;
        for (const BlockLinear& each : linears_[size_t(layer)])
            for (const StoredRows& part : storedRows(stored_, each.name)) {
                if (std::find(names.begin(), names.end(), part.tensor) == names.end())
                    continue;
                VITRINE_TRY(const at::Tensor mask, masks.mask(part.tensor));
                const at::Tensor rows = own(each.weight).narrow(0, part.first, part.count);
                if (mask.sizes() != rows.sizes())
                    return fail(ErrorCode::ShapeMismatch,
                                fmt::format("the mask is [{}], the weight [{}]",
                                            fmt::join(mask.sizes(), ", "), fmt::join(rows.sizes(), ", ")),
                                part.tensor, "These masks belong to another model");
                rows.mul_(mask.to(rows.options()));
            }
    }
    return {};
}

Result<void> SwitchedEncoder::useCompressed(const CompressedWeights& weights, int64_t rank) {
    for (const auto& linears : linears_)
        for (const BlockLinear& each : linears) {
            const auto found = weights.layers.find(each.name);
            if (found == weights.layers.end())
                continue;
            if (found->second.rows != each.weight.size(0) || found->second.columns != each.weight.size(1))
                return fail(
                    ErrorCode::ShapeMismatch,
                    fmt::format("the compressed layer is {} x {}, the model's {} x {}", found->second.rows,
                                found->second.columns, each.weight.size(0), each.weight.size(1)),
                    each.name, "These weights belong to another model");
            own(each.weight).copy_(found->second.ofRank(rank).weight());
        }
    return {};
}

}  // namespace vitrine
