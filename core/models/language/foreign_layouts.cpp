#include "core/models/language/foreign_layouts.h"

#include "core/io/gguf_types.h"
#include "core/models/language/foreign_parts.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

bool isLlama2c(const ModelFolder& folder) {
    return folder.weights && folder.weights->find("tok_embeddings.weight") &&
           folder.weights->metadata().contains("n_kv_heads");
}

Result<DecoderConfig> llama2cConfig(const ModelFolder& folder) {
    const ForeignMetadata metadata(folder, "");
    VITRINE_TRY(const double width, metadata.number("dim"));
    VITRINE_TRY(const double hidden, metadata.number("hidden_dim"));
    VITRINE_TRY(const double layers, metadata.number("n_layers"));
    VITRINE_TRY(const double heads, metadata.number("n_heads"));
    VITRINE_TRY(const double keyValueHeads, metadata.number("n_kv_heads"));
    VITRINE_TRY(const double vocabulary, metadata.number("vocab_size"));
    VITRINE_TRY(const double context, metadata.number("max_seq_len"));
    DecoderConfig config;
    config.width = int64_t(width);
    config.vocabulary = int64_t(vocabulary);
    config.contextLength = int64_t(context);
    config.epsilon = 1e-5;  // fixed in that program, as are base 10000 and the ids of start and end
    config.bos = 1;
    // Its stories end with the start token; id 2 is hardly ever drawn.
    config.eos = {1, 2};
    config.tiedEmbeddings = metadata.text("tied_embeddings") == "true";
    config.layers.assign(size_t(layers), layerOf(int64_t(heads), int64_t(keyValueHeads),
                                                 int64_t(width / heads), int64_t(hidden)));
    VITRINE_TRY_VOID(config.validate());
    return config;
}

Result<at::Tensor> llama2cTensor(const std::string& name, const DecoderConfig& config,
                                 const TensorSource& source) {
    static const std::map<std::string, std::string> kTop{
        {"model.embed_tokens", "tok_embeddings"}, {"model.norm", "norm"}, {"lm_head", "output"}};
    static const std::map<std::string, std::string> kLayer{
        {"input_layernorm", "attention_norm"}, {"post_attention_layernorm", "ffn_norm"},
        {"self_attn.q_proj", "attention.wq"},  {"self_attn.k_proj", "attention.wk"},
        {"self_attn.v_proj", "attention.wv"},  {"self_attn.o_proj", "attention.wo"},
        {"mlp.gate_proj", "feed_forward.w1"},  {"mlp.down_proj", "feed_forward.w2"},
        {"mlp.up_proj", "feed_forward.w3"}};
    const NameParts parts = splitName(name);
    const std::string stored = lookedUp(parts.layer < 0 ? kTop : kLayer, parts.part);
    VITRINE_TRY(
        const at::Tensor weight,
        readFloats(source, (parts.layer < 0 ? stored : fmt::format("layers.{}.{}", parts.layer, stored)) +
                               parts.ending));
    const AttentionSettings attention =
        config.layers.empty() ? AttentionSettings() : config.layers[0].attention;
    if (parts.part == "self_attn.q_proj")
        return halvesFromPairs(weight, attention.queryHeads);
    if (parts.part == "self_attn.k_proj")
        return halvesFromPairs(weight, attention.keyValueHeads);
    return weight;
}

namespace {

// Architectures of llama.cpp that lie in one of the known families.
const std::map<std::string, std::string>& ggufTypes() {
    static const std::map<std::string, std::string> types{{"llama", "llama"},
                                                          {"mistral3", "mistral"},
                                                          {"qwen2", "qwen2"},
                                                          {"qwen3", "qwen3"},
                                                          {"nemotron", "nemotron"}};
    return types;
}

// Llama 3.1's scaling lies in GGUF as a factor for each frequency. The settings that give it are known but
// for the factor itself, which the slowest turn shows.
Result<void> readRopeFactors(const ModelFolder& folder, DecoderConfig& config, int64_t headWidth) {
    VITRINE_TRY(const at::Tensor stored, readFloats(*folder.weights, "rope_freqs.weight"));
    if (!stored.defined())
        return {};
    const at::Tensor factors = stored.to(at::kDouble).contiguous();
    RopeSettings rope = config.rope;
    rope.scaling = RopeSettings::Scaling::Llama3;
    rope.factor = factors.max().item<double>();
    const auto half = int64_t(double(headWidth) * rope.partial) / 2;
    bool agrees = factors.numel() == half;
    for (int64_t i = 0; agrees && i < half; ++i) {
        const double length = 2 * M_PI * std::pow(rope.base, double(2 * i) / double(2 * half));
        const double smooth = std::clamp((double(rope.originalContext) / length - rope.lowFrequencyFactor) /
                                             (rope.highFrequencyFactor - rope.lowFrequencyFactor),
                                         0.0, 1.0);
        const double wanted = 1.0 / ((1 - smooth) / rope.factor + smooth);
        agrees = std::abs(factors.const_data_ptr<double>()[i] - wanted) <= 1e-3 * wanted;
    }
    if (!agrees)
        return fail(ErrorCode::Unsupported,
                    "the rotary factors are not those of Llama 3.1 with a context of 8192",
                    "rope_freqs.weight", "Convert the model's Hugging Face folder instead");
    config.rope = rope;
    return {};
}

// The first three parts of "a, b, c, ..." and how many follow.
std::string listStart(const std::string& list) {
    constexpr int kShown = 3;
    int commas = 0;
    size_t shown = list.size();
    for (size_t at = list.find(", "); at != std::string::npos; at = list.find(", ", at + 2))
        if (++commas == kShown)
            shown = at;
    return commas < kShown ? list : fmt::format("{} and {} more", list.substr(0, shown), commas + 1 - kShown);
}

}  // namespace

bool isGgufDecoder(const ModelFolder& folder) {
    return folder.weights && folder.weights->metadata().contains("general.architecture");
}

Result<DecoderConfig> ggufConfig(const ModelFolder& folder) {
    const auto& all = folder.weights->metadata();
    const std::string architecture = all.at("general.architecture");
    DecoderConfig config;
    config.modelType = lookedUp(ggufTypes(), architecture);
    if (config.modelType.empty())
        return fail(ErrorCode::UnknownFamily,
                    fmt::format("GGUF models of architecture \"{}\" are not known", architecture),
                    folder.path.string(), "Known: llama, mistral3, qwen2, qwen3, nemotron");
    if (const auto skipped = all.find("skipped_tensors"); skipped != all.end())
        return fail(ErrorCode::Unsupported,
                    fmt::format("tensors are of types that cannot be read: {}", listStart(skipped->second)),
                    folder.path.string(),
                    fmt::format("Can be read: {}. Take a file of one of these, or convert this one with "
                                "llama.cpp: llama-quantize --allow-requantize FILE NEW_FILE Q8_0",
                                readableGgmlTypes()));
    const ForeignMetadata metadata(folder, architecture + ".");
    VITRINE_TRY(const double width, metadata.number("embedding_length"));
    VITRINE_TRY(const double layers, metadata.number("block_count"));
    VITRINE_TRY(const double heads, metadata.number("attention.head_count"));
    VITRINE_TRY(const double hidden, metadata.number("feed_forward_length"));
    const TensorInfo* embedding = folder.weights->find("token_embd.weight");
    if (!embedding || embedding->shape.size() != 2)
        return fail(ErrorCode::InvalidFile, "there is no embedding table \"token_embd.weight\"",
                    folder.path.string());
    config.width = int64_t(width);
    config.vocabulary = embedding->shape[0];
    config.contextLength = int64_t(metadata.numberOr("context_length", 2048));
    config.norm = config.modelType == "nemotron" ? NormKind::LayerNorm1P : NormKind::Rms;
    config.epsilon = config.norm == NormKind::Rms
                         ? metadata.numberOr("attention.layer_norm_rms_epsilon", 1e-6)
                         : metadata.numberOr("attention.layer_norm_epsilon", 1e-5);
    config.tiedEmbeddings = !folder.weights->find("output.weight");
    config.rope.base = metadata.numberOr("rope.freq_base", 10000);
    const auto headWidth = int64_t(metadata.numberOr("attention.key_length", width / std::max(1.0, heads)));
    config.rope.partial = metadata.numberOr("rope.dimension_count", double(headWidth)) /
                          double(std::max<int64_t>(1, headWidth));
    LayerSettings layer =
        layerOf(int64_t(heads), int64_t(metadata.numberOr("attention.head_count_kv", heads)), headWidth,
                int64_t(hidden));
    layer.attention.queryKeyValueBias = folder.weights->find("blk.0.attn_q.bias");
    layer.attention.outBias = folder.weights->find("blk.0.attn_output.bias");
    layer.attention.queryKeyNorm = folder.weights->find("blk.0.attn_q_norm.weight");
    layer.attention.window = int64_t(metadata.numberOr("attention.sliding_window", 0));
    if (config.modelType == "nemotron") {
        layer.feedForward.gated = false;
        layer.feedForward.activation = "relu2";
    }
    config.layers.assign(size_t(std::clamp(layers, 0.0, 65536.0)), layer);
    const ForeignMetadata tokens(folder, "tokenizer.ggml.");
    if (const double bos = tokens.numberOr("bos_token_id", -1); bos >= 0)
        config.bos = int64_t(bos);
    if (const double eos = tokens.numberOr("eos_token_id", -1); eos >= 0)
        config.eos = {int64_t(eos)};
    VITRINE_TRY_VOID(readRopeFactors(folder, config, headWidth));
    if (auto valid = config.validate(); !valid)
        return fail(valid.error().in(folder.path.string()));
    return config;
}

Result<at::Tensor> ggufTensor(const std::string& name, const DecoderConfig& config,
                              const TensorSource& source) {
    static const std::map<std::string, std::string> kTop{
        {"model.embed_tokens", "token_embd"}, {"model.norm", "output_norm"}, {"lm_head", "output"}};
    static const std::map<std::string, std::string> kLayer{{"input_layernorm", "attn_norm"},
                                                           {"post_attention_layernorm", "ffn_norm"},
                                                           {"self_attn.q_proj", "attn_q"},
                                                           {"self_attn.k_proj", "attn_k"},
                                                           {"self_attn.v_proj", "attn_v"},
                                                           {"self_attn.o_proj", "attn_output"},
                                                           {"self_attn.q_norm", "attn_q_norm"},
                                                           {"self_attn.k_norm", "attn_k_norm"},
                                                           {"mlp.gate_proj", "ffn_gate"},
                                                           {"mlp.down_proj", "ffn_down"},
                                                           {"mlp.up_proj", "ffn_up"}};
    const NameParts parts = splitName(name);
    const std::string stored = lookedUp(parts.layer < 0 ? kTop : kLayer, parts.part);
    VITRINE_TRY(
        const at::Tensor weight,
        readFloats(source, (parts.layer < 0 ? stored : fmt::format("blk.{}.{}", parts.layer, stored)) +
                               parts.ending));
    if (!weight.defined())
        return weight;
    // llama.cpp turns neighbouring pairs in models of the Llama kind, halves in the others.
    const bool pairs = config.modelType == "llama" || config.modelType == "mistral";
    const AttentionSettings& attention = config.layers[size_t(std::max<int64_t>(0, parts.layer))].attention;
    if (pairs && parts.part == "self_attn.q_proj")
        return halvesFromPairs(weight, attention.queryHeads);
    if (pairs && parts.part == "self_attn.k_proj")
        return halvesFromPairs(weight, attention.keyValueHeads);
    // It stores the weight of LayerNorm1P with the one already added.
    if (config.norm == NormKind::LayerNorm1P && parts.ending == ".weight" && weight.dim() == 1)
        return weight.to(at::kFloat) - 1.0;
    return weight;
}

}  // namespace vitrine
