#include "core/structured/slicer.h"

#include "core/models/language/decoder_block.h"

#include <algorithm>
#include <set>

namespace vitrine {
namespace {

constexpr auto kNone = StructureAxis::None, kChannels = StructureAxis::Channels,
               kHeads = StructureAxis::QueryHeads, kNeurons = StructureAxis::Neurons;

std::string blockPrefix(int64_t block) {
    return fmt::format("model.layers.{}.", block);
}

const AxisUse* findUse(const std::string& tensor, bool inBlock) {
    for (const AxisUse& use : axisUses())
        if (use.inBlock == inBlock && tensor == use.tensor)
            return &use;
    return nullptr;
}

// "model.layers.7.mlp.up_proj.weight" -> 7 and "mlp.up_proj.weight"; -1 for tensors outside of blocks.
std::pair<int64_t, std::string> placeOf(const std::string& name) {
    constexpr std::string_view kPrefix = "model.layers.";
    if (!name.starts_with(kPrefix))
        return {-1, name};
    const size_t dot = name.find('.', kPrefix.size());
    return {std::stoll(name.substr(kPrefix.size(), dot - kPrefix.size())), name.substr(dot + 1)};
}

// Element indices of a list of heads.
at::Tensor spread(const at::Tensor& heads, int64_t headWidth) {
    return (heads.unsqueeze(1) * headWidth + at::arange(headWidth, at::kLong)).flatten();
}

Result<void> checkIndices(const at::Tensor& indices, int64_t count, const std::string& where,
                          const char* what) {
    if (!indices.defined())
        return {};
    if (indices.dim() != 1 || indices.scalar_type() != at::kLong || indices.numel() == 0)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected a list of the {} to keep", what),
                    where);
    const at::Tensor sorted = std::get<0>(indices.sort());
    if (sorted[0].item<int64_t>() < 0 || sorted[-1].item<int64_t>() >= count)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there are {} {}, found index {}", count, what,
                                sorted[0].item<int64_t>() < 0 ? sorted[0].item<int64_t>()
                                                              : sorted[-1].item<int64_t>()),
                    where);
    if (sorted.diff().eq(0).any().item<bool>())
        return fail(ErrorCode::InvalidArgument, fmt::format("one of the {} is named twice", what), where);
    return {};
}

// Heads of group 0 first, then those of group 1, equally many of each.
Result<void> checkGroups(const at::Tensor& heads, const AttentionSettings& attention,
                         const std::string& where) {
    const int64_t kept = heads.numel();
    if (kept % attention.keyValueHeads != 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} query heads cannot share {} key/value heads evenly", kept,
                                attention.keyValueHeads),
                    where, fmt::format("Keep a multiple of {}", attention.keyValueHeads));
    const at::Tensor groups = heads.floor_divide(attention.groupSize());
    const at::Tensor expected = at::arange(kept, at::kLong).floor_divide(kept / attention.keyValueHeads);
    if (!groups.equal(expected))
        return fail(ErrorCode::InvalidArgument,
                    "query heads must stay with their key/value group, equally many of each, group by group",
                    where);
    return {};
}

// What to take of one tensor along `axis`; undefined: all of it.
at::Tensor keptAlong(StructureAxis axis, const SlicePlan& plan, const LayerSlice* layer,
                     const AttentionSettings* attention) {
    if (axis == kChannels)
        return plan.channels;
    if (axis == kNeurons)
        return layer->neurons;
    if (axis == kHeads && layer->heads.defined())
        return spread(layer->heads, attention->headWidth);
    return {};
}

// A low-rank replacement's inner dimension is no axis.
AxisUse useOf(const std::string& tensor, bool inBlock, const LayerSettings* layer) {
    const AxisUse* found = findUse(tensor, inBlock);
    AxisUse use = found ? *found : AxisUse{"", inBlock, kNone, kNone};
    if (layer &&
        ((tensor == "self_attn.linear_attn.weight" && layer->attention.kind == SubLayerKind::LowRank) ||
         (tensor == "mlp.linear_mlp.weight" && layer->feedForward.kind == SubLayerKind::LowRank)))
        use.columns = kNone;
    return use;
}

// Layers of the new model, as indices into plan.layers.
std::vector<size_t> stayingLayers(const DecoderConfig& config, const SlicePlan& plan) {
    std::vector<size_t> staying;
    for (size_t i = 0; i < plan.layers.size(); ++i) {
        const LayerSettings& source = config.layers[size_t(plan.layers[i].source)];
        const bool attention = plan.layers[i].attention && source.attention.kind != SubLayerKind::NoOp;
        const bool feedForward = plan.layers[i].feedForward && source.feedForward.kind != SubLayerKind::NoOp;
        if (attention || feedForward)
            staying.push_back(i);
    }
    return staying;
}

}  // namespace

const std::vector<AxisUse>& axisUses() {
    static const std::vector<AxisUse> uses = {
        {"model.embed_tokens.weight", false, kNone, kChannels},
        {"model.norm.weight", false, kChannels, kNone},
        {"model.norm.bias", false, kChannels, kNone},
        {"lm_head.weight", false, kNone, kChannels},
        {"input_layernorm.weight", true, kChannels, kNone},
        {"input_layernorm.bias", true, kChannels, kNone},
        {"self_attn.q_proj.weight", true, kHeads, kChannels},
        {"self_attn.q_proj.bias", true, kHeads, kNone},
        {"self_attn.k_proj.weight", true, kNone, kChannels},
        {"self_attn.v_proj.weight", true, kNone, kChannels},
        {"self_attn.o_proj.weight", true, kChannels, kHeads},
        {"self_attn.o_proj.bias", true, kChannels, kNone},
        {"post_attention_layernorm.weight", true, kChannels, kNone},
        {"post_attention_layernorm.bias", true, kChannels, kNone},
        {"mlp.gate_proj.weight", true, kNeurons, kChannels},
        {"mlp.gate_proj.bias", true, kNeurons, kNone},
        {"mlp.up_proj.weight", true, kNeurons, kChannels},
        {"mlp.up_proj.bias", true, kNeurons, kNone},
        {"mlp.down_proj.weight", true, kChannels, kNeurons},
        {"mlp.down_proj.bias", true, kChannels, kNone},
        // What stands in the place of a part.
        {"self_attn.reduce.weight", true, kNone, kChannels},
        {"self_attn.linear_attn.weight", true, kChannels, kChannels},
        {"self_attn.linear_attn.bias", true, kChannels, kNone},
        {"self_attn.bias", true, kChannels, kNone},
        {"mlp.reduce.weight", true, kNone, kChannels},
        {"mlp.linear_mlp.weight", true, kChannels, kChannels},
        {"mlp.linear_mlp.bias", true, kChannels, kNone},
        {"mlp.bias", true, kChannels, kNone},
    };
    return uses;
}

Result<std::vector<TouchedTensor>> dependencyGroup(const Decoder& decoder, StructureAxis axis, int64_t block,
                                                   int64_t index) {
    const DecoderConfig& config = decoder.config();
    if (block < 0 || block >= config.depth())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no block {}, the model has {}", block, config.depth()));
    const LayerSettings& settings = config.layers[size_t(block)];
    const int64_t count = axis == kChannels ? config.width
                          : axis == kHeads  ? settings.attention.queryHeads
                                            : settings.feedForward.intermediate;
    if (index < 0 || index >= count)
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no number {} of {}", index, count));
    const int64_t size = axis == kHeads ? settings.attention.headWidth : 1;
    std::vector<TouchedTensor> group;
    for (const auto& entry : decoder.named_parameters()) {
        const auto [layer, tensor] = placeOf(entry.key());
        if (axis != kChannels && layer != block)
            continue;
        const AxisUse use = useOf(tensor, layer >= 0, layer >= 0 ? &config.layers[size_t(layer)] : nullptr);
        for (const auto& [dimension, along] : {std::pair{0, use.rows}, std::pair{1, use.columns}})
            if (along == axis)
                group.push_back(
                    {entry.key(), entry.value().sizes().vec(), dimension, {{index * size, size}}});
    }
    return group;
}

SlicePlan wholePlan(const DecoderConfig& config) {
    SlicePlan plan;
    for (int64_t i = 0; i < config.depth(); ++i)
        plan.layers.push_back({.source = i});
    return plan;
}

Result<DecoderConfig> slicedConfig(const DecoderConfig& config, const SlicePlan& plan) {
    VITRINE_TRY_VOID(checkIndices(plan.channels, config.width, "channels", "channels"));
    int64_t last = -1;
    for (const LayerSlice& layer : plan.layers) {
        const std::string where = fmt::format("block {}", layer.source);
        if (layer.source <= last || layer.source >= config.depth())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("blocks must be named in their order, 0 to {}", config.depth() - 1),
                        where);
        last = layer.source;
        const LayerSettings& source = config.layers[size_t(layer.source)];
        if (layer.heads.defined() && source.attention.kind == SubLayerKind::Standard) {
            VITRINE_TRY_VOID(checkIndices(layer.heads, source.attention.queryHeads, where, "query heads"));
            VITRINE_TRY_VOID(checkGroups(layer.heads, source.attention, where));
        }
        if (source.feedForward.kind == SubLayerKind::Standard)
            VITRINE_TRY_VOID(checkIndices(layer.neurons, source.feedForward.intermediate, where, "neurons"));
    }
    DecoderConfig sliced = config;
    sliced.layers.clear();
    for (const size_t index : stayingLayers(config, plan)) {
        const LayerSlice& layer = plan.layers[index];
        LayerSettings settings = config.layers[size_t(layer.source)];
        if (!layer.attention)
            settings.attention.kind = SubLayerKind::NoOp;
        else if (layer.heads.defined() && settings.attention.kind == SubLayerKind::Standard)
            settings.attention.queryHeads = layer.heads.numel();
        if (!layer.feedForward)
            settings.feedForward.kind = SubLayerKind::NoOp;
        else if (layer.neurons.defined() && settings.feedForward.kind == SubLayerKind::Standard)
            settings.feedForward.intermediate = layer.neurons.numel();
        sliced.layers.push_back(settings);
    }
    if (plan.channels.defined())
        sliced.width = plan.channels.numel();
    VITRINE_TRY_VOID(sliced.validate());
    return sliced;
}

Result<std::unique_ptr<LanguageModel>> sliceModel(const LanguageModel& model, const SlicePlan& plan) {
    const at::NoGradGuard noGrad;
    VITRINE_TRY(const DecoderConfig config, slicedConfig(model.config(), plan));
    const auto staying = stayingLayers(model.config(), plan);
    auto sliced = std::make_unique<LanguageModel>(config);
    const auto source = model.decoder().named_parameters();
    for (auto& entry : sliced->decoder().named_parameters()) {
        const auto [block, tensor] = placeOf(entry.key());
        const LayerSlice* layer = block >= 0 ? &plan.layers[staying[size_t(block)]] : nullptr;
        const LayerSettings* settings = layer ? &model.config().layers[size_t(layer->source)] : nullptr;
        const AxisUse use = useOf(tensor, layer != nullptr, settings);
        at::Tensor value = source[layer ? blockPrefix(layer->source) + tensor : tensor].detach();
        const AttentionSettings* attention = settings ? &settings->attention : nullptr;
        for (const auto& [dimension, axis] : {std::pair{0, use.rows}, std::pair{1, use.columns}})
            if (const at::Tensor kept = keptAlong(axis, plan, layer, attention); kept.defined())
                value = value.index_select(dimension, kept.to(value.device()));
        entry.value().set_data(value.clone());
        entry.value().set_requires_grad(false);
    }
    sliced->decoder().joinProjections();
    return sliced;
}

SlicePlan withoutParts(const DecoderConfig& config, const std::vector<int64_t>& parts) {
    SlicePlan plan = wholePlan(config);
    for (const int64_t part : parts) {
        LayerSlice& layer = plan.layers.at(size_t(part / 2));
        (part % 2 == 0 ? layer.attention : layer.feedForward) = false;
    }
    return plan;
}

SlicePlan withoutBlocks(const DecoderConfig& config, const std::vector<int64_t>& blocks) {
    SlicePlan plan = wholePlan(config);
    const std::set<int64_t> gone(blocks.begin(), blocks.end());
    std::erase_if(plan.layers, [&](const LayerSlice& layer) { return gone.contains(layer.source); });
    return plan;
}

Json SlicePlan::json() const {
    const auto list = [](const at::Tensor& indices) {
        Json json = Json::array();
        if (!indices.defined())
            return Json();
        for (int64_t i = 0; i < indices.numel(); ++i)
            json.push_back(indices[i].item<int64_t>());
        return json;
    };
    Json blocks = Json::array();
    for (const LayerSlice& layer : layers)
        blocks.push_back({{"block", layer.source},
                          {"attention", layer.attention},
                          {"feed_forward", layer.feedForward},
                          {"heads", list(layer.heads)},
                          {"neurons", list(layer.neurons)}});
    return {{"channels", list(channels)}, {"blocks", std::move(blocks)}};
}

}  // namespace vitrine
