#include "core/models/siglip/siglip_config.h"

#include "core/models/config_reader.h"

#include <array>
#include <cmath>

namespace vitrine::siglip {
namespace {

void readTower(ConfigReader& reader, nn::TowerOptions& tower, const std::string& blocks) {
    tower.width = reader.count("hidden_size", 768);
    tower.mlpWidth = reader.count("intermediate_size", 3072);
    tower.depth = reader.count("num_hidden_layers", 12, 1, 4096);
    tower.headCount = reader.count("num_attention_heads", 12);
    tower.activation = reader.activation("hidden_act", "gelu_pytorch_tanh");
    tower.epsilon = reader.number("layer_norm_eps", 1e-6);
    reader.requireDivides(tower.headCount, tower.width);
    tower.names = {.blocks = blocks + "encoder.layers",
                   .norm1 = "layer_norm1",
                   .norm2 = "layer_norm2",
                   .query = "self_attn.q_proj",
                   .key = "self_attn.k_proj",
                   .value = "self_attn.v_proj",
                   .out = "self_attn.out_proj",
                   .up = "mlp.fc1",
                   .down = "mlp.fc2"};
}

Result<VisionConfig> visionConfig(const Json& json, bool naflex) {
    ConfigReader reader(json, "config.json/vision_config");
    VisionConfig vision;
    vision.naflex = naflex;
    readTower(reader, vision.tower, "vision_model.");
    vision.channels = reader.count("num_channels", 3, 3, 3);
    vision.patchSize = reader.count("patch_size", 16, 1, 4096);
    vision.hasHead = reader.flag("vision_use_head", true);
    if (naflex) {
        const int64_t patches = reader.count("num_patches", 256);
        const auto side = int64_t(std::lround(std::sqrt(double(patches))));
        if (side * side != patches)
            reader.addError(ErrorCode::InvalidFile,
                            fmt::format("\"num_patches\" must be a square number, found {}", patches));
        vision.storedGrid = {side, side};
    } else {
        const nn::GridSize image = reader.size("image_size", {224, 224});
        vision.storedGrid = {image.height / vision.patchSize, image.width / vision.patchSize};
        if (vision.storedGrid.height < 1 || vision.storedGrid.width < 1)
            reader.addError(ErrorCode::InvalidFile, "\"image_size\" is smaller than one patch");
    }
    VITRINE_TRY_VOID(reader.finish());
    return vision;
}

Result<TextConfig> textConfig(const Json& json) {
    ConfigReader reader(json, "config.json/text_config");
    TextConfig text;
    readTower(reader, text.tower, "text_model.");
    text.vocabulary = reader.count("vocab_size", 32000, 1, 1 << 24);
    text.contextLength = reader.count("max_position_embeddings", 64);
    text.projectionWidth = reader.count("projection_size", text.tower.width);
    VITRINE_TRY_VOID(reader.finish());
    return text;
}

constexpr std::array kTypes{"siglip",  "siglip_vision_model",  "siglip_text_model",
                            "siglip2", "siglip2_vision_model", "siglip2_text_model"};

Json section(const Json& config, const char* name) {
    return config.contains(name) && !config[name].is_null() ? config[name] : Json::object();
}

}  // namespace

bool isSiglipType(const std::string& modelType) {
    return std::find(kTypes.begin(), kTypes.end(), modelType) != kTypes.end();
}

Result<SiglipConfig> siglipConfigFrom(const ModelFolder& folder) {
    SiglipConfig config;
    config.modelType = folder.modelType();
    const bool naflex = config.modelType.starts_with("siglip2");
    const bool whole = config.modelType == "siglip" || config.modelType == "siglip2";
    if (whole || config.modelType.ends_with("vision_model")) {
        VITRINE_TRY(config.vision,
                    visionConfig(whole ? section(folder.config, "vision_config") : folder.config, naflex));
    }
    if (whole || config.modelType.ends_with("text_model")) {
        VITRINE_TRY(config.text, textConfig(whole ? section(folder.config, "text_config") : folder.config));
    }
    return config;
}

}  // namespace vitrine::siglip
