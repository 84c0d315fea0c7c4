#include "core/models/language/decoder_config.h"

namespace vitrine {
namespace {

const char* architectureOf(const std::string& type) {
    if (type == "mistral")
        return "MistralForCausalLM";
    if (type == "qwen2")
        return "Qwen2ForCausalLM";
    if (type == "qwen3")
        return "Qwen3ForCausalLM";
    if (type == "nemotron")
        return "NemotronForCausalLM";
    if (type == "nemotron-nas")
        return "DeciLMForCausalLM";
    return "LlamaForCausalLM";
}

void writeKind(Json& json, SubLayerKind kind, int64_t rank, bool bias) {
    json["no_op"] = kind == SubLayerKind::NoOp;
    json["replace_with_linear"] = kind == SubLayerKind::Linear;
    if (kind == SubLayerKind::LowRank) {
        json["replace_with"] = "low_rank";
        json["rank"] = rank;
    }
    if (kind == SubLayerKind::Constant)
        json["replace_with"] = "constant";
    if (bias && (kind == SubLayerKind::Linear || kind == SubLayerKind::LowRank))
        json["replacement_bias"] = true;
}

Json blockJson(const LayerSettings& layer) {
    Json attention = Json::object(), feedForward = Json::object();
    const AttentionSettings& a = layer.attention;
    writeKind(attention, a.kind, a.rank, a.replacementBias);
    if (a.kind == SubLayerKind::Standard) {
        attention["num_heads"] = a.queryHeads;
        attention["n_heads_in_group"] = a.groupSize();
    }
    const FeedForwardSettings& f = layer.feedForward;
    writeKind(feedForward, f.kind, f.rank, f.replacementBias);
    if (f.kind == SubLayerKind::Standard)
        feedForward["intermediate_size"] = f.intermediate;
    return {{"attention", std::move(attention)}, {"ffn", std::move(feedForward)}};
}

// The layer that the keys common to all describe: the first one that has both parts, as far as there is one.
LayerSettings commonLayer(const DecoderConfig& config) {
    LayerSettings common;
    for (auto layer = config.layers.rbegin(); layer != config.layers.rend(); ++layer) {
        if (layer->attention.kind == SubLayerKind::Standard)
            common.attention = layer->attention;
        if (layer->feedForward.kind == SubLayerKind::Standard)
            common.feedForward = layer->feedForward;
    }
    return common;
}

bool needsBlocks(const DecoderConfig& config) {
    for (const LayerSettings& layer : config.layers) {
        LayerSettings windowless = layer, first = config.layers.front();
        windowless.attention.window = first.attention.window = 0;
        if (!(windowless == first) || layer.attention.kind != SubLayerKind::Standard ||
            layer.feedForward.kind != SubLayerKind::Standard)
            return true;
    }
    return false;
}

void writeRope(Json& json, const RopeSettings& rope) {
    json["rope_theta"] = rope.base;
    if (rope.partial != 1.0)
        json["partial_rotary_factor"] = rope.partial;
    switch (rope.scaling) {
        case RopeSettings::Scaling::None:
            json["rope_scaling"] = nullptr;
            break;
        case RopeSettings::Scaling::Linear:
            json["rope_scaling"] = {{"rope_type", "linear"}, {"factor", rope.factor}};
            break;
        case RopeSettings::Scaling::Llama3:
            json["rope_scaling"] = {{"rope_type", "llama3"},
                                    {"factor", rope.factor},
                                    {"low_freq_factor", rope.lowFrequencyFactor},
                                    {"high_freq_factor", rope.highFrequencyFactor},
                                    {"original_max_position_embeddings", rope.originalContext}};
    }
}

void writeWindows(Json& json, const DecoderConfig& config) {
    int64_t window = 0;
    Json types = Json::array();
    for (const LayerSettings& layer : config.layers) {
        window = std::max(window, layer.attention.window);
        types.push_back(layer.attention.window > 0 ? "sliding_attention" : "full_attention");
    }
    if (config.modelType == "mistral") {
        json["sliding_window"] = window > 0 ? Json(window) : Json();
    } else if (config.modelType == "qwen2" || config.modelType == "qwen3") {
        json["use_sliding_window"] = window > 0;
        json["sliding_window"] = window > 0 ? Json(window) : Json();
        json["layer_types"] = std::move(types);
    }
}

Json idOrNull(const std::optional<int64_t>& id) {
    return id ? Json(*id) : Json();
}

}  // namespace

Json decoderConfigJson(const DecoderConfig& config, const std::string& storedType) {
    const LayerSettings layer = commonLayer(config);
    Json json = config.others.is_object() ? config.others : Json::object();
    json["model_type"] = config.modelType;
    json["architectures"] = {architectureOf(config.modelType)};
    json["vocab_size"] = config.vocabulary;
    json["hidden_size"] = config.width;
    json["intermediate_size"] = layer.feedForward.intermediate;
    json["num_hidden_layers"] = config.depth();
    json["num_attention_heads"] = layer.attention.queryHeads;
    json["num_key_value_heads"] = layer.attention.keyValueHeads;
    json["head_dim"] = layer.attention.headWidth;
    json["max_position_embeddings"] = config.contextLength;
    json[config.norm == NormKind::Rms ? "rms_norm_eps" : "norm_eps"] = config.epsilon;
    json["tie_word_embeddings"] = config.tiedEmbeddings;
    json["hidden_act"] = layer.feedForward.activation;
    if (config.modelType != "qwen2")
        json["attention_bias"] = layer.attention.queryKeyValueBias;
    json["mlp_bias"] = layer.feedForward.bias;
    writeWindows(json, config);
    writeRope(json, config.rope);
    json["bos_token_id"] = idOrNull(config.bos);
    json["pad_token_id"] = idOrNull(config.pad);
    json["eos_token_id"] = config.eos.size() == 1 ? Json(config.eos.front())
                           : config.eos.empty()   ? Json()
                                                  : Json(config.eos);
    json["torch_dtype"] = storedType;
    if (needsBlocks(config)) {
        Json blocks = Json::array();
        for (const LayerSettings& one : config.layers)
            blocks.push_back(blockJson(one));
        json["block_configs"] = std::move(blocks);
    }
    return json;
}

}  // namespace vitrine
