#include "core/puzzle/block_library.h"

#include "core/models/language/decoder_block.h"

#include <limits>

namespace vitrine {
namespace {

constexpr const char* kKind = "block library";

bool belongs(const std::string& tensor, SubLayer part) {
    const bool attention = tensor.starts_with("self_attn.") || tensor.starts_with("input_layernorm.");
    return attention == (part == SubLayer::Attention);
}

Json numberOrNull(double value) {
    return std::isfinite(value) ? Json(value) : Json();
}

Json partJson(const PartVariant& variant) {
    const AttentionSettings& a = variant.settings.attention;
    const FeedForwardSettings& f = variant.settings.feedForward;
    const bool attention = variant.part == SubLayer::Attention;
    return {{"name", variant.name},
            {"kind", int(attention ? a.kind : f.kind)},
            {"query_heads", a.queryHeads},
            {"key_value_heads", a.keyValueHeads},
            {"intermediate", f.intermediate},
            {"replacement_bias", attention ? a.replacementBias : f.replacementBias},
            {"error_before", numberOrNull(variant.errorBefore)},
            {"error_after", numberOrNull(variant.errorAfter)},
            {"steps", variant.steps}};
}

PartVariant partFrom(const Json& json, SubLayer part, LayerSettings settings) {
    PartVariant variant;
    const auto kind = SubLayerKind(json.value("kind", 0));
    if (part == SubLayer::Attention) {
        settings.attention.kind = kind;
        settings.attention.queryHeads = json.value("query_heads", settings.attention.queryHeads);
        settings.attention.keyValueHeads = json.value("key_value_heads", settings.attention.keyValueHeads);
        settings.attention.replacementBias = json.value("replacement_bias", false);
    } else {
        settings.feedForward.kind = kind;
        settings.feedForward.intermediate = json.value("intermediate", settings.feedForward.intermediate);
        settings.feedForward.replacementBias = json.value("replacement_bias", false);
    }
    const auto number = [&](const char* key) {
        return json.contains(key) && json[key].is_number() ? json[key].get<double>()
                                                           : std::numeric_limits<double>::quiet_NaN();
    };
    variant.name = json.value("name", "");
    variant.part = part;
    variant.settings = settings;
    variant.errorBefore = number("error_before");
    variant.errorAfter = number("error_after");
    variant.steps = json.value("steps", int64_t(0));
    return variant;
}

// Parent settings that a library carries, so that it can be read without the parent.
Json baseJson(const LayerSettings& settings) {
    const AttentionSettings& a = settings.attention;
    const FeedForwardSettings& f = settings.feedForward;
    return {{"query_heads", a.queryHeads},
            {"key_value_heads", a.keyValueHeads},
            {"head_width", a.headWidth},
            {"query_key_value_bias", a.queryKeyValueBias},
            {"out_bias", a.outBias},
            {"query_key_norm", a.queryKeyNorm},
            {"window", a.window},
            {"intermediate", f.intermediate},
            {"gated", f.gated},
            {"activation", f.activation},
            {"bias", f.bias}};
}

LayerSettings baseFrom(const Json& json) {
    LayerSettings settings;
    AttentionSettings& a = settings.attention;
    FeedForwardSettings& f = settings.feedForward;
    a.queryHeads = json.value("query_heads", int64_t(1));
    a.keyValueHeads = json.value("key_value_heads", int64_t(1));
    a.headWidth = json.value("head_width", int64_t(64));
    a.queryKeyValueBias = json.value("query_key_value_bias", false);
    a.outBias = json.value("out_bias", false);
    a.queryKeyNorm = json.value("query_key_norm", false);
    a.window = json.value("window", int64_t(0));
    f.intermediate = json.value("intermediate", int64_t(1));
    f.gated = json.value("gated", true);
    f.activation = json.value("activation", "silu");
    f.bias = json.value("bias", false);
    return settings;
}

std::string prefixOf(size_t layer, SubLayer part, size_t variant) {
    return fmt::format("{}.{}.{}.", layer, part == SubLayer::Attention ? "attention" : "feed_forward",
                       variant);
}

}  // namespace

LayerSettings BlockLibrary::settings(int64_t layer, int64_t attention, int64_t feedForward) const {
    const LayerVariants& variants = layers.at(size_t(layer));
    return {variants.attention.at(size_t(attention)).settings.attention,
            variants.feedForward.at(size_t(feedForward)).settings.feedForward};
}

Json BlockLibrary::json(const DecoderConfig& config) const {
    Json list = Json::array();
    for (const LayerVariants& layer : layers) {
        Json entry = {
            {"attention", Json::array()}, {"feed_forward", Json::array()}, {"scores", Json::array()}};
        for (const auto* parts : {&layer.attention, &layer.feedForward})
            for (const PartVariant& variant : *parts) {
                // The other half counts nothing.
                LayerSettings alone = variant.settings;
                (variant.part == SubLayer::Attention ? alone.feedForward.kind : alone.attention.kind) =
                    SubLayerKind::NoOp;
                Json one = partJson(variant);
                one["parameters"] = config.parameterCount(alone);
                entry[variant.part == SubLayer::Attention ? "attention" : "feed_forward"].push_back(
                    std::move(one));
            }
        for (int64_t i = 0; layer.scores.defined() && i < layer.scores.size(0); ++i) {
            Json row = Json::array();
            for (int64_t j = 0; j < layer.scores.size(1); ++j)
                row.push_back(numberOrNull(layer.scores[i][j].item<double>()));
            entry["scores"].push_back(std::move(row));
        }
        list.push_back(std::move(entry));
    }
    return list;
}

Result<void> BlockLibrary::save(const std::filesystem::path& file) const {
    std::map<std::string, at::Tensor> tensors;
    Json about = {{"model", modelHash}, {"layers", Json::array()}};
    for (size_t i = 0; i < layers.size(); ++i) {
        Json entry = {{"base", baseJson(layers[i].attention.front().settings)},
                      {"attention", Json::array()},
                      {"feed_forward", Json::array()}};
        for (const auto* parts : {&layers[i].attention, &layers[i].feedForward})
            for (size_t j = 0; j < parts->size(); ++j) {
                const PartVariant& variant = (*parts)[j];
                entry[variant.part == SubLayer::Attention ? "attention" : "feed_forward"].push_back(
                    partJson(variant));
                if (j > 0)  // the parent's own weights are in the parent
                    for (const auto& [name, weight] : variant.weights)
                        tensors[prefixOf(i, variant.part, j) + name] = weight;
            }
        if (layers[i].scores.defined())
            tensors[fmt::format("{}.scores", i)] = layers[i].scores;
        about["layers"].push_back(std::move(entry));
    }
    if (tensors.empty())
        tensors["none"] = at::zeros({1});
    return writeTensors(file, tensors, {{"kind", kKind}, {"library", about.dump()}});
}

Result<BlockLibrary> BlockLibrary::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto source, openTensors(file));
    const auto& metadata = source->metadata();
    const auto kind = metadata.find("kind"), about = metadata.find("library");
    if (kind == metadata.end() || kind->second != kKind || about == metadata.end())
        return fail(ErrorCode::InvalidFile, "this is no library of blocks", file.string(),
                    "Give the library.safetensors of a run of puzzle");
    VITRINE_TRY(const Json json, parseJson(about->second, file.string()));
    VITRINE_TRY(const auto tensors, readAllTensors(*source));
    BlockLibrary library;
    library.modelHash = json.value("model", "");
    for (const Json& entry : json["layers"]) {
        LayerVariants layer;
        const LayerSettings base = baseFrom(entry["base"]);
        for (const SubLayer part : {SubLayer::Attention, SubLayer::FeedForward}) {
            auto& variants = part == SubLayer::Attention ? layer.attention : layer.feedForward;
            for (const Json& one : entry[part == SubLayer::Attention ? "attention" : "feed_forward"]) {
                PartVariant variant = partFrom(one, part, base);
                const std::string prefix = prefixOf(library.layers.size(), part, variants.size());
                for (auto it = tensors.lower_bound(prefix);
                     it != tensors.end() && it->first.starts_with(prefix); ++it)
                    variant.weights[it->first.substr(prefix.size())] = it->second;
                variants.push_back(std::move(variant));
            }
        }
        if (const auto it = tensors.find(fmt::format("{}.scores", library.layers.size()));
            it != tensors.end())
            layer.scores = it->second;
        library.layers.push_back(std::move(layer));
    }
    return library;
}

Result<void> BlockLibrary::checkModel(const LanguageModel& parent) const {
    if (depth() != parent.config().depth() || modelHash != structureFingerprint(parent))
        return fail(ErrorCode::InvalidArgument, "the library of blocks was made of another model", "library",
                    "Build the library of this model");
    return {};
}

std::shared_ptr<DecoderBlock> makeVariantBlock(const Decoder& parent, int64_t layer,
                                               const PartVariant& attention, const PartVariant& feedForward) {
    const at::NoGradGuard noGrad;
    auto block = parent.makeBlock(layer, {attention.settings.attention, feedForward.settings.feedForward});
    const auto own = parent.block(layer)->named_parameters();
    for (auto& entry : block->named_parameters()) {
        const PartVariant& variant = belongs(entry.key(), SubLayer::Attention) ? attention : feedForward;
        const auto found = variant.weights.find(entry.key());
        const at::Tensor& from = found != variant.weights.end() ? found->second : own[entry.key()];
        entry.value().set_data(from.detach().to(parent.device(), parent.type()).clone());
        entry.value().set_requires_grad(false);
    }
    return block;
}

DecoderConfig assembledConfig(const DecoderConfig& parent, const BlockLibrary& library,
                              const std::vector<BlockChoice>& choices) {
    DecoderConfig config = parent;
    for (size_t i = 0; i < choices.size(); ++i)
        config.layers.at(i) = library.settings(int64_t(i), choices[i].attention, choices[i].feedForward);
    return config;
}

Result<std::unique_ptr<LanguageModel>> assemble(const LanguageModel& parent, const BlockLibrary& library,
                                                const std::vector<BlockChoice>& choices) {
    VITRINE_TRY_VOID(library.checkModel(parent));
    if (int64_t(choices.size()) != library.depth())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} blocks are chosen for {} layers", choices.size(), library.depth()),
                    "choice");
    for (size_t i = 0; i < choices.size(); ++i)
        if (choices[i].attention < 0 || choices[i].attention >= int64_t(library.layers[i].attention.size()) ||
            choices[i].feedForward < 0 ||
            choices[i].feedForward >= int64_t(library.layers[i].feedForward.size()))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the library has no pair {} and {}", choices[i].attention,
                                    choices[i].feedForward),
                        fmt::format("layer {}", i));
    auto child = parent.clone();
    child->decoder().setTrainable(false);
    for (size_t i = 0; i < choices.size(); ++i) {
        const LayerVariants& layer = library.layers[i];
        auto block =
            makeVariantBlock(parent.decoder(), int64_t(i), layer.attention[size_t(choices[i].attention)],
                             layer.feedForward[size_t(choices[i].feedForward)]);
        child->decoder().setBlock(int64_t(i), std::move(block));
        child->decoder().block(int64_t(i))->joinProjections();
    }
    return child;
}

}  // namespace vitrine
