// Width, depth, heads and what the blocks of a RADIO ViT are.
#include "core/models/radio/radio_architecture.h"
#include "core/models/radio/radio_config_reader.h"
#include "core/models/radio/radio_json.h"

#include <algorithm>
#include <cstdlib>

namespace vitrine {
namespace {

using radio::architectureByName;
using radio::ArchitectureRow;
using radio::optionalField;

// One more than the highest block index, but never more than there are tensors: a hostile index must not cost
// memory.
int64_t countBlocks(const TensorSource& source, const std::string& trunk) {
    const std::string prefix = trunk + "blocks.";
    int64_t count = 0;
    for (const TensorInfo& info : source.tensors())
        if (info.name.rfind(prefix, 0) == 0 && info.name.size() > prefix.size() && info.name.size() < 4096) {
            const int64_t index = std::atoll(info.name.c_str() + prefix.size());
            if (index >= 0 && index < 100000)
                count = std::max(count, index + 1);
        }
    return std::min(count, int64_t(source.tensors().size()));
}

}  // namespace

Result<void> RadioConfigReader::readSizes() {
    const std::string where = library_ ? "config.json" : "config.json/args/model_kwargs";
    const Json& sizes = library_ ? json_ : kwargs_;
    VITRINE_TRY(const auto width,
                optionalField<int64_t>(sizes, library_ ? "hidden_size" : "embed_dim", where));
    VITRINE_TRY(const auto depth,
                optionalField<int64_t>(sizes, library_ ? "num_hidden_layers" : "depth", where));
    VITRINE_TRY(const auto heads,
                optionalField<int64_t>(sizes, library_ ? "num_attention_heads" : "num_heads", where));
    VITRINE_TRY(const auto architecture, optionalField<std::string>(args_, "model", "config.json/args"));
    VITRINE_TRY(const auto version, optionalField<std::string>(json_, "version", "config.json"));
    config_.architecture = architecture.value_or("");
    config_.version = version.value_or("");
    const ArchitectureRow* row = architectureByName(config_.architecture);

    const int64_t storedWidth = dimension("patch_generator.embedder.weight", 0);
    const int64_t storedDepth = countBlocks(source_, layout_.trunk);
    config_.width = width ? *width : row ? row->width : storedWidth;
    config_.depth = depth ? *depth : row ? row->depth : storedDepth;
    if (config_.width != storedWidth)
        return contradiction(layout_.trunk + "patch_generator.embedder.weight", "width", config_.width,
                             storedWidth);
    if (config_.depth != storedDepth)
        return contradiction(layout_.trunk + "blocks", "depth", config_.depth, storedDepth);
    if (!heads && !row)
        return fail(ErrorCode::NotFound,
                    fmt::format("the number of attention heads of architecture \"{}\" is not known",
                                config_.architecture),
                    where, "Add num_heads to args.model_kwargs");
    config_.headCount = heads ? *heads : row->headCount;
    if (config_.headCount < 1 || config_.width % config_.headCount != 0)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} heads do not divide width {}", config_.headCount, config_.width), where);
    return {};
}

Result<void> RadioConfigReader::readBlock() {
    nn::VitBlockOptions& block = config_.block;
    block.width = config_.width;
    block.headWidth = config_.width / config_.headCount;
    VITRINE_TRY(const auto swiglu, optionalField<bool>(json_, "use_swiglu_ffn", "config.json"));
    VITRINE_TRY(const auto qkvBias,
                optionalField<bool>(library_ ? json_ : kwargs_, "qkv_bias", "config.json"));
    VITRINE_TRY(const auto epsilon, optionalField<double>(json_, "layer_norm_eps", "config.json"));
    VITRINE_TRY(const auto activation, optionalField<std::string>(json_, "hidden_act", "config.json"));
    VITRINE_TRY(const auto scaleValue, optionalField<double>(json_, "layerscale_value", "config.json"));
    VITRINE_TRY(const auto modelNorm, optionalField<bool>(args_, "model_norm", "config.json/args"));
    block.gated = swiglu.value_or(has("blocks.0.mlp.w12.weight"));
    block.qkvBias = qkvBias.value_or(has("blocks.0.attn.qkv.bias"));
    block.epsilon = epsilon.value_or(1e-6);
    block.activation = activation.value_or("gelu");
    if (!nn::isActivation(block.activation))
        return fail(ErrorCode::Unsupported, fmt::format("unknown activation \"{}\"", block.activation),
                    "config.json/hidden_act");
    block.mlpNorm = has("blocks.0.mlp.norm.weight");
    config_.layerScaleValue = scaleValue.value_or(1.0);
    VITRINE_TRY_VOID(readBlockSizes());
    readLayerScale();
    // The DINOv2-style student keeps its final norm whatever `model_norm` says.
    config_.finalNorm = config_.inner || !modelNorm ? has("norm.weight") : *modelNorm;
    return {};
}

// The stored shapes tell how many heads and hidden units each block has left.
Result<void> RadioConfigReader::readBlockSizes() {
    for (int64_t index = 0; index < config_.depth; ++index) {
        const std::string name = fmt::format("blocks.{}.", index);
        const int64_t rows = dimension(name + "attn.qkv.weight", 0);
        const int64_t ofHead = 3 * config_.block.headWidth;
        if (rows < ofHead || rows % ofHead != 0)
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("queries, keys and values of heads {} wide were expected, found {} "
                                    "rows",
                                    config_.block.headWidth, rows),
                        layout_.trunk + name + "attn.qkv.weight",
                        "The configured number of heads is that of the model before heads were cut out");
        const int64_t hidden = hiddenOf(name);
        if (hidden < 1)
            return fail(ErrorCode::NotFound, "this block's MLP is not in the checkpoint",
                        layout_.trunk + name + "mlp.fc1.weight");
        config_.sizes.push_back({rows / ofHead, hidden});
    }
    if (config_.sizes.empty())
        return fail(ErrorCode::NotFound, "the checkpoint has no blocks", layout_.trunk + "blocks.0");
    config_.block.headCount = config_.sizes.front().headCount;
    config_.block.hidden = config_.sizes.front().hidden;
    return {};
}

int64_t RadioConfigReader::hiddenOf(const std::string& block) const {
    if (!config_.block.gated)
        return dimension(block + "mlp.fc1.weight", 0);
    if (has(block + "mlp.w12.weight"))
        return dimension(block + "mlp.w12.weight", 0) / 2;
    return dimension(block + "mlp.gate_proj.weight", 0);
}

void RadioConfigReader::readLayerScale() {
    nn::VitBlockOptions& block = config_.block;
    const std::pair<const char*, const char*> spellings[] = {
        {"ls", "grandma"}, {"ls", "gamma"}, {"layer_scale", "lambda1"}};
    for (const auto& [module, parameter] : spellings)
        if (has(fmt::format("blocks.0.{}1.{}", module, parameter))) {
            block.layerScale1 = std::string(module) + "1";
            block.layerScale2 = std::string(module) + "2";
            block.layerScaleParameter = parameter;
            return;
        }
    if (library_ && config_.layerScaleValue != 1.0) {
        block.layerScale1 = "layer_scale1";
        block.layerScale2 = "layer_scale2";
        block.layerScaleParameter = "lambda1";
    }
}

}  // namespace vitrine
