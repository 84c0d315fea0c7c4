#include "core/models/language/foreign_layouts.h"

#include "core/io/dequantize.h"
#include "core/nn/weights.h"

#include <charconv>
#include <cmath>

namespace vitrine {
namespace {

// Numbers of a file's flattened metadata.
class Metadata {
  public:
    Metadata(const ModelFolder& folder, std::string prefix)
        : map_(folder.weights->metadata()), where_(folder.path.string()), prefix_(std::move(prefix)) {}

    Result<double> number(const std::string& key) const {
        const auto value = find(key);
        if (!value)
            return fail(ErrorCode::InvalidFile, fmt::format("\"{}\" is missing or no number", prefix_ + key),
                        where_);
        return *value;
    }
    double numberOr(const std::string& key, double fallback) const { return find(key).value_or(fallback); }
    std::string text(const std::string& key) const {
        const auto it = map_.find(key);
        return it == map_.end() ? "" : it->second;
    }

  private:
    std::optional<double> find(const std::string& key) const {
        const auto it = map_.find(prefix_ + key);
        double value = 0;
        if (it == map_.end())
            return std::nullopt;
        const char* end = it->second.data() + it->second.size();
        const auto [stop, error] = std::from_chars(it->second.data(), end, value);
        return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
    }
    const std::map<std::string, std::string>& map_;
    std::string where_, prefix_;
};

Result<at::Tensor> readFloats(const TensorSource& source, const std::string& name) {
    if (!source.find(name))
        return at::Tensor();
    VITRINE_TRY(const TensorBytes bytes, source.read(name));
    if (torchType(bytes.info.dtype))
        return tensorFromBytes(bytes);
    VITRINE_TRY(const std::vector<float> values, dequantize(bytes));
    return at::tensor(values).view(bytes.info.shape);
}

// Rows of a query or key projection from neighbouring rotary pairs (2i, 2i+1) to halves (i, i + d/2).
at::Tensor halvesFromPairs(const at::Tensor& weight, int64_t heads) {
    if (!weight.defined() || weight.size(0) % (2 * heads) != 0)
        return weight;  // the shape check names it
    const int64_t half = weight.size(0) / heads / 2;
    const auto shape = weight.sizes().vec();
    std::vector<int64_t> split{heads, half, 2};
    split.insert(split.end(), shape.begin() + 1, shape.end());
    return weight.reshape(split).transpose(1, 2).reshape(shape);
}

// "model.layers.3.mlp.up_proj.weight" -> {3, "mlp.up_proj", ".weight"}; other names keep index -1.
struct NameParts {
    int64_t layer = -1;
    std::string part, ending;
};

NameParts splitName(const std::string& name) {
    constexpr std::string_view kLayers = "model.layers.";
    NameParts parts;
    const size_t dot = name.rfind('.');
    parts.ending = name.substr(dot);
    parts.part = name.substr(0, dot);
    if (name.starts_with(kLayers)) {
        const size_t end = name.find('.', kLayers.size());
        parts.layer = std::stoll(name.substr(kLayers.size(), end - kLayers.size()));
        parts.part = name.substr(end + 1, dot - end - 1);
    }
    return parts;
}

std::string lookedUp(const std::map<std::string, std::string>& table, const std::string& key) {
    const auto it = table.find(key);
    return it == table.end() ? "" : it->second;
}

LayerSettings layerOf(int64_t heads, int64_t keyValueHeads, int64_t headWidth, int64_t intermediate) {
    LayerSettings layer;
    layer.attention.queryHeads = heads;
    layer.attention.keyValueHeads = keyValueHeads;
    layer.attention.headWidth = headWidth;
    layer.feedForward.intermediate = intermediate;
    return layer;
}

}  // namespace

bool isLlama2c(const ModelFolder& folder) {
    return folder.weights && folder.weights->find("tok_embeddings.weight") &&
           folder.weights->metadata().contains("n_kv_heads");
}

Result<DecoderConfig> llama2cConfig(const ModelFolder& folder) {
    const Metadata metadata(folder, "");
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
                    fmt::format("tensors are quantised in a way that cannot be read: {}",
                                skipped->second.substr(0, 200)),
                    folder.path.string(), "F32, F16, BF16, Q8_0 and Q4_0 can be read");
    const Metadata metadata(folder, architecture + ".");
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
    const Metadata tokens(folder, "tokenizer.ggml.");
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
