// library.safetensors, and what of it goes into puzzle.json.
#include "core/puzzle/block_library.h"

#include <limits>

namespace vitrine {
namespace {

constexpr const char* kKind = "block library";

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

double numberOf(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_number() ? json[key].get<double>()
                                                       : std::numeric_limits<double>::quiet_NaN();
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
    variant.name = json.value("name", "");
    variant.part = part;
    variant.settings = settings;
    variant.errorBefore = numberOf(json, "error_before");
    variant.errorAfter = numberOf(json, "error_after");
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

Json pairJson(const PairVariant& pair) {
    return {{"attention", pair.choice.attention},
            {"feed_forward", pair.choice.feedForward},
            {"error_before", numberOrNull(pair.errorBefore)},
            {"error_after", numberOrNull(pair.errorAfter)},
            {"steps", pair.steps},
            {"score", numberOrNull(pair.score)}};
}

PairVariant pairFrom(const Json& json) {
    PairVariant pair;
    pair.choice = {json.value("attention", int64_t(0)), json.value("feed_forward", int64_t(0))};
    pair.errorBefore = numberOf(json, "error_before");
    pair.errorAfter = numberOf(json, "error_after");
    pair.steps = json.value("steps", int64_t(0));
    pair.score = numberOf(json, "score");
    return pair;
}

std::string pairPrefix(size_t layer, size_t pair) {
    return fmt::format("{}.pair.{}.", layer, pair);
}

std::string prefixOf(size_t layer, SubLayer part, size_t variant) {
    return fmt::format("{}.{}.{}.", layer, part == SubLayer::Attention ? "attention" : "feed_forward",
                       variant);
}

}  // namespace

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
        for (const PairVariant& pair : layer.pairs)
            entry["pairs"].push_back(pairJson(pair));
        list.push_back(std::move(entry));
    }
    return list;
}

Result<void> BlockLibrary::save(const std::filesystem::path& file) const {
    std::map<std::string, at::Tensor> tensors;
    Json about = {{"model", modelHash}, {"scored_by", scoredBy}, {"layers", Json::array()}};
    for (size_t i = 0; i < layers.size(); ++i) {
        Json entry = {{"base", baseJson(layers[i].attention.front().settings)},
                      {"attention", Json::array()},
                      {"feed_forward", Json::array()},
                      {"pairs", Json::array()}};
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
        for (size_t j = 0; j < layers[i].pairs.size(); ++j) {
            entry["pairs"].push_back(pairJson(layers[i].pairs[j]));
            for (const auto& [name, weight] : layers[i].pairs[j].weights)
                tensors[pairPrefix(i, j) + name] = weight;
        }
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
    library.scoredBy = json.value("scored_by", "divergence");  // earlier versions knew no other
    const auto takeWeights = [&](const std::string& prefix, std::map<std::string, at::Tensor>& weights) {
        for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix);
             ++it)
            weights[it->first.substr(prefix.size())] = it->second;
    };
    for (const Json& entry : json["layers"]) {
        LayerVariants layer;
        const LayerSettings base = baseFrom(entry["base"]);
        for (const SubLayer part : {SubLayer::Attention, SubLayer::FeedForward}) {
            auto& variants = part == SubLayer::Attention ? layer.attention : layer.feedForward;
            for (const Json& one : entry[part == SubLayer::Attention ? "attention" : "feed_forward"]) {
                PartVariant variant = partFrom(one, part, base);
                takeWeights(prefixOf(library.layers.size(), part, variants.size()), variant.weights);
                variants.push_back(std::move(variant));
            }
        }
        if (const auto it = tensors.find(fmt::format("{}.scores", library.layers.size()));
            it != tensors.end())
            layer.scores = it->second;
        const Json pairs = entry.value("pairs", Json::array());
        for (const Json& one : pairs) {
            PairVariant pair = pairFrom(one);
            takeWeights(pairPrefix(library.layers.size(), layer.pairs.size()), pair.weights);
            layer.pairs.push_back(std::move(pair));
        }
        library.layers.push_back(std::move(layer));
    }
    return library;
}

}  // namespace vitrine
