#include "core/models/config_reader.h"
#include "core/models/language/decoder_config.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kLargest = int64_t(1) << 26;

// Keys that the fields of DecoderConfig cover; the rest is kept as it is.
const std::vector<std::string>& coveredKeys() {
    static const std::vector<std::string> keys{"model_type",
                                               "architectures",
                                               "vocab_size",
                                               "hidden_size",
                                               "intermediate_size",
                                               "num_hidden_layers",
                                               "num_attention_heads",
                                               "num_key_value_heads",
                                               "head_dim",
                                               "max_position_embeddings",
                                               "rms_norm_eps",
                                               "norm_eps",
                                               "tie_word_embeddings",
                                               "hidden_act",
                                               "attention_bias",
                                               "mlp_bias",
                                               "sliding_window",
                                               "use_sliding_window",
                                               "max_window_layers",
                                               "layer_types",
                                               "rope_theta",
                                               "rope_scaling",
                                               "rope_parameters",
                                               "partial_rotary_factor",
                                               "bos_token_id",
                                               "eos_token_id",
                                               "pad_token_id",
                                               "torch_dtype",
                                               "dtype",
                                               "transformers_version",
                                               "block_configs"};
    return keys;
}

Result<RopeSettings> ropeFrom(const Json& json, const std::string& where) {
    ConfigReader top(json, where);
    RopeSettings rope;
    rope.base = top.number("rope_theta", 10000.0);
    rope.partial = top.number("partial_rotary_factor", 1.0);
    VITRINE_TRY_VOID(top.finish());
    const std::string key = top.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
    if (!top.has(key))
        return rope;
    ConfigReader reader(json[key], fmt::format("{}: {}", where, key));
    rope.base = reader.number("rope_theta", rope.base);
    rope.partial = reader.number("partial_rotary_factor", rope.partial);
    const std::string type = reader.text("rope_type", reader.text("type", "default"));
    if (type == "linear" || type == "llama3") {
        rope.scaling = type == "linear" ? RopeSettings::Scaling::Linear : RopeSettings::Scaling::Llama3;
        rope.factor = reader.number("factor", 1.0);
    } else if (type != "default") {
        reader.addError(ErrorCode::Unsupported, fmt::format("the rope type \"{}\" is not known", type),
                        "Known types: default, linear, llama3");
    }
    if (rope.scaling == RopeSettings::Scaling::Llama3) {
        rope.lowFrequencyFactor = reader.number("low_freq_factor", 1.0);
        rope.highFrequencyFactor = reader.number("high_freq_factor", 4.0);
        rope.originalContext = reader.count("original_max_position_embeddings", 8192, 1, kLargest);
        if (!(rope.highFrequencyFactor > rope.lowFrequencyFactor))
            reader.addError(ErrorCode::InvalidFile, "high_freq_factor must be above low_freq_factor");
    }
    VITRINE_TRY_VOID(reader.finish());
    return rope;
}

// The layer that all have in common.
LayerSettings commonLayer(ConfigReader& reader, const std::string& type, int64_t width) {
    LayerSettings layer;
    AttentionSettings& attention = layer.attention;
    attention.queryHeads = reader.count("num_attention_heads", 32);
    attention.keyValueHeads = reader.count("num_key_value_heads", attention.queryHeads);
    if (!reader.has("head_dim"))
        reader.requireDivides(attention.queryHeads, width);
    attention.headWidth = reader.count("head_dim", std::max<int64_t>(1, width / attention.queryHeads));
    attention.queryKeyValueBias = type == "qwen2" || reader.flag("attention_bias", false);
    attention.outBias = type != "qwen2" && attention.queryKeyValueBias;
    attention.queryKeyNorm = type == "qwen3";
    FeedForwardSettings& feedForward = layer.feedForward;
    feedForward.gated = type != "nemotron";
    feedForward.intermediate = reader.count("intermediate_size", 4 * width, 1, kLargest);
    feedForward.activation = reader.activation("hidden_act", feedForward.gated ? "silu" : "relu2");
    feedForward.bias = reader.flag("mlp_bias", false);
    return layer;
}

void setWindows(ConfigReader& reader, const Json& json, DecoderConfig& config) {
    const bool stated = reader.has("sliding_window") &&
                        (config.modelType == "mistral" || reader.flag("use_sliding_window", false));
    const int64_t window = stated ? reader.count("sliding_window", 0, 1, kLargest) : 0;
    const int64_t first =
        config.modelType == "mistral" ? 0 : reader.count("max_window_layers", 28, 0, kLargest);
    const Json types = reader.has("layer_types") ? json["layer_types"] : Json();
    for (int64_t i = 0; window > 0 && i < config.depth(); ++i) {
        bool slides = i >= first;
        if (types.is_array() && i < int64_t(types.size()))
            slides = types[size_t(i)] == "sliding_attention";
        if (slides)
            config.layers[size_t(i)].attention.window = window;
    }
}

SubLayerKind kindFrom(ConfigReader& reader) {
    if (reader.flag("no_op", false))
        return SubLayerKind::NoOp;
    if (reader.flag("replace_with_linear", false))
        return SubLayerKind::Linear;
    const std::string name = reader.text("replace_with", "");
    if (name == "low_rank")
        return SubLayerKind::LowRank;
    if (name == "constant")
        return SubLayerKind::Constant;
    if (!name.empty())
        reader.addError(ErrorCode::Unsupported,
                        fmt::format("\"replace_with\" must be low_rank or constant, found \"{}\"", name));
    return SubLayerKind::Standard;
}

// The rule of Puzzle's published configurations.
int64_t intermediateFromMultiple(double multiple, int64_t width) {
    const auto exact = int64_t(2 * multiple * double(width) / 3);
    return (exact + 255) / 256 * 256;
}

Result<void> readBlock(const Json& json, const std::string& where, int64_t width, LayerSettings& layer) {
    const Json attentionJson = json.value("attention", Json::object());
    ConfigReader attention(attentionJson, where + ".attention");
    AttentionSettings& a = layer.attention;
    a.kind = kindFrom(attention);
    a.queryHeads = attention.count("num_heads", a.queryHeads);
    if (attention.has("n_heads_in_group")) {
        const int64_t group = attention.count("n_heads_in_group", 1);
        if (a.queryHeads % group)
            attention.addError(ErrorCode::InvalidFile,
                               fmt::format("groups of {} do not divide {} heads", group, a.queryHeads));
        a.keyValueHeads = std::max<int64_t>(1, a.queryHeads / group);
    }
    a.rank = attention.count("rank", 0, 0, kLargest);
    a.replacementBias = attention.flag("replacement_bias", false);
    VITRINE_TRY_VOID(attention.finish());
    const Json feedForwardJson = json.value("ffn", Json::object());
    ConfigReader feedForward(feedForwardJson, where + ".ffn");
    FeedForwardSettings& f = layer.feedForward;
    f.kind = kindFrom(feedForward);
    if (feedForward.has("intermediate_size"))
        f.intermediate = feedForward.count("intermediate_size", f.intermediate, 1, kLargest);
    else if (feedForward.has("ffn_mult"))
        f.intermediate = intermediateFromMultiple(feedForward.number("ffn_mult", 1), width);
    f.rank = feedForward.count("rank", 0, 0, kLargest);
    f.replacementBias = feedForward.flag("replacement_bias", false);
    return feedForward.finish();
}

Result<void> readBlocks(const Json& blocks, const std::string& where, DecoderConfig& config) {
    if (!blocks.is_array() || int64_t(blocks.size()) != config.depth())
        return fail(
            ErrorCode::InvalidFile,
            fmt::format("\"block_configs\" must be a list of {} blocks (num_hidden_layers), found {}",
                        config.depth(), blocks.is_array() ? std::to_string(blocks.size()) : "no list"),
            where);
    for (size_t i = 0; i < blocks.size(); ++i) {
        const std::string place = fmt::format("{}: block_configs[{}]", where, i);
        if (!blocks[i].is_object())
            return fail(ErrorCode::InvalidFile, "a block must be an object", place);
        VITRINE_TRY_VOID(readBlock(blocks[i], place, config.width, config.layers[i]));
    }
    return {};
}

void readTokenIds(ConfigReader& reader, const Json& json, DecoderConfig& config) {
    if (reader.has("bos_token_id"))
        config.bos = reader.count("bos_token_id", 0, -1, kLargest);
    if (reader.has("pad_token_id"))
        config.pad = reader.count("pad_token_id", 0, -1, kLargest);
    if (!reader.has("eos_token_id"))
        return;
    if (json["eos_token_id"].is_array())
        config.eos = reader.counts("eos_token_id", {});
    else
        config.eos = {reader.count("eos_token_id", 0, -1, kLargest)};
}

}  // namespace

Result<DecoderConfig> decoderConfigFrom(const Json& json, const std::string& where) {
    ConfigReader reader(json, where);
    DecoderConfig config;
    config.modelType = reader.text("model_type", "");
    if (!isDecoderType(config.modelType))
        reader.addError(ErrorCode::UnknownFamily, fmt::format("\"{}\" is no known decoder", config.modelType),
                        "Known: llama, mistral, qwen2, qwen3, nemotron, nemotron-nas");
    if (reader.has("quantization_config") && !json["quantization_config"].empty())
        reader.addError(ErrorCode::Unsupported, "the weights are quantised (\"quantization_config\")",
                        "Load the unquantised model");
    config.vocabulary = reader.count("vocab_size", 32000, 1, kLargest);
    config.width = reader.count("hidden_size", 4096);
    config.contextLength = reader.count("max_position_embeddings", 2048, 1, int64_t(1) << 40);
    config.norm = config.modelType == "nemotron" ? NormKind::LayerNorm1P : NormKind::Rms;
    config.epsilon =
        config.norm == NormKind::Rms ? reader.number("rms_norm_eps", 1e-6) : reader.number("norm_eps", 1e-5);
    config.tiedEmbeddings = reader.flag("tie_word_embeddings", false);
    const LayerSettings layer = commonLayer(reader, config.modelType, config.width);
    config.layers.assign(size_t(reader.count("num_hidden_layers", 32, 0, 1 << 16)), layer);
    setWindows(reader, json, config);
    readTokenIds(reader, json, config);
    VITRINE_TRY_VOID(reader.finish());
    VITRINE_TRY(config.rope, ropeFrom(json, where));
    if (config.modelType == "nemotron" && !json.contains("partial_rotary_factor") &&
        !(json.contains("rope_parameters") && json["rope_parameters"].contains("partial_rotary_factor")))
        config.rope.partial = 0.5;
    if (reader.has("block_configs"))
        VITRINE_TRY_VOID(readBlocks(json["block_configs"], where, config));
    config.others = json;
    for (const std::string& key : coveredKeys())
        config.others.erase(key);
    if (auto valid = config.validate(); !valid)
        return fail(valid.error().in(where));
    return config;
}

}  // namespace vitrine
