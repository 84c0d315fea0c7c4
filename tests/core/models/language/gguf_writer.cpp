#include "tests/core/models/language/gguf_writer.h"

#include <fmt/format.h>

#include <fstream>
#include <map>

namespace vitrine::testing {
namespace {

template <typename T>
void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void putText(std::string& out, const std::string& text) {
    put<uint64_t>(out, text.size());
    out += text;
}

void putNumber(std::string& out, const std::string& key, double value, bool whole) {
    putText(out, key);
    put<uint32_t>(out, whole ? 4 : 6);
    if (whole)
        put<uint32_t>(out, uint32_t(value));
    else
        put<float>(out, float(value));
}

std::string storedName(std::string name) {
    const std::pair<const char*, const char*> parts[] = {{"model.embed_tokens", "token_embd"},
                                                         {"model.norm", "output_norm"},
                                                         {"lm_head", "output"},
                                                         {"model.layers", "blk"},
                                                         {"post_attention_layernorm", "ffn_norm"},
                                                         {"input_layernorm", "attn_norm"},
                                                         {"self_attn.q_proj", "attn_q"},
                                                         {"self_attn.k_proj", "attn_k"},
                                                         {"self_attn.v_proj", "attn_v"},
                                                         {"self_attn.o_proj", "attn_output"},
                                                         {"self_attn.q_norm", "attn_q_norm"},
                                                         {"self_attn.k_norm", "attn_k_norm"},
                                                         {"mlp.gate_proj", "ffn_gate"},
                                                         {"mlp.up_proj", "ffn_up"},
                                                         {"mlp.down_proj", "ffn_down"}};
    for (const auto& [from, to] : parts)
        if (const size_t at = name.find(from); at != std::string::npos)
            name.replace(at, std::string(from).size(), to);
    return name;
}

at::Tensor storedValue(const std::string& name, const at::Tensor& value, const DecoderConfig& config) {
    const AttentionSettings& attention = config.layers[0].attention;
    const auto pairsFromHalves = [](const at::Tensor& w, int64_t heads) {
        return w.reshape({heads, 2, w.size(0) / heads / 2, w.size(1)}).transpose(1, 2).reshape(w.sizes());
    };
    if (config.modelType == "llama" && name.find("q_proj") != std::string::npos)
        return pairsFromHalves(value, attention.queryHeads);
    if (config.modelType == "llama" && name.find("k_proj") != std::string::npos)
        return pairsFromHalves(value, attention.keyValueHeads);
    if (config.norm == NormKind::LayerNorm1P && value.dim() == 1 && name.ends_with("weight"))
        return value + 1;
    return value;
}

struct EightBits {
    at::Tensor scales, levels;  // (blocks, 1) float16, (blocks, 32) int8
    explicit EightBits(const at::Tensor& matrix) {
        const at::Tensor blocks = matrix.reshape({-1, 32});
        scales = (blocks.abs().amax(1, true) / 127).to(at::kHalf);
        levels = (blocks / scales.to(at::kFloat)).round().clamp(-127, 127).to(at::kChar);
    }
};

void putEightBits(std::string& out, const at::Tensor& matrix) {
    const EightBits blocks(matrix);
    for (int64_t i = 0; i < blocks.scales.size(0); ++i) {
        put(out, blocks.scales.const_data_ptr<at::Half>()[i].x);
        out.append(reinterpret_cast<const char*>(blocks.levels.const_data_ptr<int8_t>() + 32 * i), 32);
    }
}

}  // namespace

at::Tensor roundedToEightBits(const at::Tensor& matrix) {
    const EightBits blocks(matrix);
    return (blocks.scales.to(at::kFloat) * blocks.levels.to(at::kFloat)).view(matrix.sizes());
}

void writeGguf(const std::filesystem::path& file, const LanguageModel& model, const std::string& claimed,
               bool eightBits) {
    const DecoderConfig& config = model.config();
    const std::string architecture = claimed.empty() ? config.modelType : claimed;
    const AttentionSettings& attention = config.layers[0].attention;
    std::string pairs;
    uint64_t count = 1;
    putText(pairs, "general.architecture");
    put<uint32_t>(pairs, 8);
    putText(pairs, architecture);
    const auto number = [&](const char* key, double value, bool whole = true) {
        putNumber(pairs, architecture + "." + key, value, whole);
        ++count;
    };
    number("embedding_length", double(config.width));
    number("block_count", double(config.depth()));
    number("context_length", double(config.contextLength));
    number("feed_forward_length", double(config.layers[0].feedForward.intermediate));
    number("attention.head_count", double(attention.queryHeads));
    number("attention.head_count_kv", double(attention.keyValueHeads));
    number("attention.key_length", double(attention.headWidth));
    number("rope.dimension_count", double(attention.headWidth) * config.rope.partial);
    number("rope.freq_base", config.rope.base, false);
    number(config.norm == NormKind::Rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon",
           config.epsilon, false);
    std::string tensors, data;
    uint64_t tensorCount = 0;
    for (const auto& entry : model.decoder().named_parameters()) {
        const at::Tensor value = storedValue(entry.key(), entry.value().detach(), config).contiguous();
        putText(tensors, storedName(entry.key()));
        put<uint32_t>(tensors, uint32_t(value.dim()));
        for (int64_t i = value.dim() - 1; i >= 0; --i)
            put<uint64_t>(tensors, uint64_t(value.size(i)));
        const bool blocks = eightBits && value.dim() == 2;
        put<uint32_t>(tensors, blocks ? 8 : 0);
        put<uint64_t>(tensors, data.size());
        if (blocks)
            putEightBits(data, value);
        else
            data.append(static_cast<const char*>(value.const_data_ptr()), value.nbytes());
        data.resize((data.size() + 31) / 32 * 32);
        ++tensorCount;
    }
    std::string out = "GGUF";
    put<uint32_t>(out, 3);
    put<uint64_t>(out, tensorCount);
    put<uint64_t>(out, count);
    out += pairs + tensors;
    out.resize((out.size() + 31) / 32 * 32);
    std::ofstream(file, std::ios::binary) << out << data;
}

}  // namespace vitrine::testing
