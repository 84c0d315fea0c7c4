#include "core/models/dino/dino_config.h"

#include "core/models/config_reader.h"

#include <algorithm>

namespace vitrine::dino {
namespace {

void readVersion2(ConfigReader& reader, DinoConfig& config) {
    const bool registers = config.modelType == "dinov2_with_registers";
    nn::TowerOptions& tower = config.tower;
    tower.width = reader.count("hidden_size", 768);
    tower.headCount = reader.count("num_attention_heads", 12);
    tower.activation = reader.activation("hidden_act", "gelu");
    tower.epsilon = reader.number("layer_norm_eps", 1e-6);
    tower.queryBias = tower.keyBias = tower.valueBias = reader.flag("qkv_bias", true);
    // The two architectures have different documented patch sizes where the key is absent.
    config.patchSize = reader.size("patch_size", registers ? nn::GridSize{16, 16} : nn::GridSize{14, 14});
    config.registerCount = registers ? reader.count("num_register_tokens", 4, 0) : 0;
    config.antialiasPositions = registers;
    const double ratio = reader.number("mlp_ratio", 4);
    if (!(ratio > 0 && ratio < 1000)) {
        reader.addError(ErrorCode::InvalidFile, fmt::format("\"mlp_ratio\" is {}", ratio));
        return;
    }
    tower.mlpWidth = std::max<int64_t>(1, int64_t(double(tower.width) * ratio));
    tower.names = {.blocks = "encoder.layer",
                   .norm1 = "norm1",
                   .norm2 = "norm2",
                   .query = "attention.attention.query",
                   .key = "attention.attention.key",
                   .value = "attention.attention.value",
                   .out = "attention.output.dense",
                   .scale1 = "layer_scale1.lambda1",
                   .scale2 = "layer_scale2.lambda1",
                   .up = "mlp.fc1",
                   .down = "mlp.fc2"};
    if (reader.flag("use_swiglu_ffn", false)) {
        // Two thirds of the plain hidden width, rounded up to a multiple of 8; always SiLU.
        tower.mlpWidth = (tower.mlpWidth * 2 / 3 + 7) / 8 * 8;
        tower.activation = "silu";
        tower.names.up.clear();
        tower.names.gateUp = "mlp.weights_in";
        tower.names.down = "mlp.weights_out";
    }
    config.finalNorm = "layernorm";
    config.patchProjection = "embeddings.patch_embeddings.projection";
}

void readVersion3(ConfigReader& reader, const Json& json, DinoConfig& config) {
    nn::TowerOptions& tower = config.tower;
    tower.width = reader.count("hidden_size", 384);
    tower.headCount = reader.count("num_attention_heads", 6);
    tower.mlpWidth = reader.count("intermediate_size", 1536);
    tower.activation = reader.activation("hidden_act", "gelu");
    tower.epsilon = reader.number("layer_norm_eps", 1e-5);
    tower.queryBias = reader.flag("query_bias", true);
    tower.keyBias = reader.flag("key_bias", false);
    tower.valueBias = reader.flag("value_bias", true);
    tower.outBias = reader.flag("proj_bias", true);
    tower.mlpBias = reader.flag("mlp_bias", true);
    config.patchSize = reader.size("patch_size", {16, 16});
    config.registerCount = reader.count("num_register_tokens", 0, 0);
    config.rotary = true;
    config.ropeTheta = reader.number("rope_theta", 100.0);
    if (!reader.has("rope_theta") && reader.has("rope_parameters")) {
        ConfigReader rope(json["rope_parameters"], reader.where() + "/rope_parameters");
        config.ropeTheta = rope.number("rope_theta", 100.0);
        if (const auto checked = rope.finish(); !checked)
            reader.addError(checked.error().code, checked.error().text());
    }
    if (!(config.ropeTheta > 0))
        reader.addError(ErrorCode::InvalidFile, fmt::format("\"rope_theta\" is {}", config.ropeTheta));
    if (tower.width / tower.headCount % 4)
        reader.addError(ErrorCode::InvalidFile,
                        fmt::format("axial RoPE needs heads of a multiple of 4 channels, found {}",
                                    tower.width / tower.headCount));
    tower.names = {.blocks = "layer",
                   .norm1 = "norm1",
                   .norm2 = "norm2",
                   .query = "attention.q_proj",
                   .key = "attention.k_proj",
                   .value = "attention.v_proj",
                   .out = "attention.o_proj",
                   .scale1 = "layer_scale1.lambda1",
                   .scale2 = "layer_scale2.lambda1",
                   .up = "mlp.up_proj",
                   .down = "mlp.down_proj"};
    if (reader.flag("use_gated_mlp", false))
        tower.names.gate = "mlp.gate_proj";
    config.finalNorm = "norm";
    config.patchProjection = "embeddings.patch_embeddings";
}

// Stage names are "stem" (after the embeddings) and "stage1".."stageL".
std::optional<int64_t> stageIndex(const std::string& name, int64_t depth) {
    if (name == "stem")
        return 0;
    for (int64_t i = 1; i <= depth; ++i)
        if (name == "stage" + std::to_string(i))
            return i;
    return std::nullopt;
}

void readBackbone(ConfigReader& reader, const Json& json, DinoConfig& config) {
    const int64_t depth = config.tower.depth;
    config.normalizesMaps = reader.flag("apply_layernorm", true);
    config.reshapesMaps = reader.flag("reshape_hidden_states", true);
    if (reader.has("out_features")) {
        const auto names = jsonValue<std::vector<std::string>>(json, "out_features", reader.where());
        if (!names)
            return reader.addError(names.error().code, names.error().message);
        for (const std::string& name : *names) {
            const auto index = stageIndex(name, depth);
            if (!index)
                return reader.addError(
                    ErrorCode::InvalidFile,
                    fmt::format("\"out_features\" names the unknown stage \"{}\"", name),
                    fmt::format("Stages are \"stem\" and \"stage1\" to \"stage{}\"", depth));
            config.outIndices.push_back(*index);
        }
    } else {
        for (const int64_t index : reader.counts("out_indices", {depth})) {
            const int64_t positive = index < 0 ? index + depth + 1 : index;
            if (positive < 0 || positive > depth)
                return reader.addError(
                    ErrorCode::InvalidFile,
                    fmt::format("\"out_indices\" holds {}, hidden states are 0 to {}", index, depth));
            config.outIndices.push_back(positive);
        }
    }
    // Maps come in the order of the stages, whatever the order of the list.
    std::sort(config.outIndices.begin(), config.outIndices.end());
}

}  // namespace

bool isDinoType(const std::string& modelType) {
    return modelType == "dinov2" || modelType == "dinov2_with_registers" || modelType == "dinov3_vit";
}

Result<DinoConfig> dinoConfigFrom(const Json& json, const std::string& where) {
    ConfigReader reader(json, where);
    DinoConfig config;
    config.modelType = reader.text("model_type", "");
    if (!isDinoType(config.modelType))
        return fail(ErrorCode::Unsupported,
                    fmt::format("\"{}\" is not a DINO model that can be loaded", config.modelType), where,
                    "Known are dinov2, dinov2_with_registers and dinov3_vit");
    config.tower.depth = reader.count("num_hidden_layers", 12, 1, 4096);
    config.imageSize = reader.size("image_size", {224, 224});
    config.channels = reader.count("num_channels", 3, 3, 3);
    if (config.modelType == "dinov3_vit")
        readVersion3(reader, json, config);
    else
        readVersion2(reader, config);
    reader.requireDivides(config.tower.headCount, config.tower.width);
    if (config.patchSize.height != config.patchSize.width)
        reader.addError(ErrorCode::Unsupported, "patches that are not square are not known in this family");
    if (config.storedGrid().height < 1 || config.storedGrid().width < 1)
        reader.addError(ErrorCode::InvalidFile, "\"image_size\" is smaller than one patch");
    if (reader.has("id2label") && json["id2label"].is_object())
        config.labelCount = int64_t(json["id2label"].size());
    config.labelCount = reader.count("num_labels", config.labelCount, 0);
    readBackbone(reader, json, config);
    VITRINE_TRY_VOID(reader.finish());
    return config;
}

}  // namespace vitrine::dino
