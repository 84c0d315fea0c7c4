#include "core/models/clip/clip_config.h"

#include "core/models/config_reader.h"

namespace vitrine::clip {
namespace {

void readTower(ConfigReader& reader, nn::TowerOptions& tower, const std::string& blocks, int64_t width,
               int64_t mlpWidth, int64_t headCount) {
    tower.width = reader.count("hidden_size", width);
    tower.mlpWidth = reader.count("intermediate_size", mlpWidth);
    tower.depth = reader.count("num_hidden_layers", 12, 1, 4096);
    tower.headCount = reader.count("num_attention_heads", headCount);
    tower.activation = reader.activation("hidden_act", "quick_gelu");
    tower.epsilon = reader.number("layer_norm_eps", 1e-5);
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

Result<VisionConfig> visionConfig(const Json& json, const std::string& where) {
    ConfigReader reader(json, where);
    VisionConfig vision;
    readTower(reader, vision.tower, "vision_model.", 768, 3072, 12);
    vision.imageSize = reader.size("image_size", {224, 224});
    vision.patchSize = reader.size("patch_size", {32, 32});
    vision.channels = reader.count("num_channels", 3, 3, 3);
    if (vision.patchSize.height != vision.patchSize.width || vision.storedGrid().height < 1 ||
        vision.storedGrid().width < 1)
        reader.addError(ErrorCode::InvalidFile,
                        "\"patch_size\" must be one number that is not above \"image_size\"");
    vision.classToken = "vision_model.embeddings.class_embedding";
    vision.patchProjection = "vision_model.embeddings.patch_embedding";
    vision.positions = "vision_model.embeddings.position_embedding.weight";
    vision.preNormName = "vision_model.pre_layrnorm";  // spelled so in every checkpoint
    vision.postNormName = "vision_model.post_layernorm";
    vision.projection = "visual_projection.weight";
    VITRINE_TRY_VOID(reader.finish());
    return vision;
}

Result<TextConfig> textConfig(const Json& json, const std::string& where) {
    ConfigReader reader(json, where);
    TextConfig text;
    readTower(reader, text.tower, "text_model.", 512, 2048, 8);
    text.vocabulary = reader.count("vocab_size", 49408, 1, 1 << 24);
    text.contextLength = reader.count("max_position_embeddings", 77);
    text.endToken = reader.count("eos_token_id", 49407, 0, 1 << 24);
    // Early configurations state the wrong end token 2; those models are pooled where the id is highest.
    text.pooling = text.endToken == 2 ? TextPooling::HighestId : TextPooling::EndToken;
    text.tokens = "text_model.embeddings.token_embedding";
    text.positions = "text_model.embeddings.position_embedding.weight";
    text.finalNorm = "text_model.final_layer_norm";
    text.projection = "text_projection.weight";
    VITRINE_TRY_VOID(reader.finish());
    return text;
}

// A part of the configuration: early files carry a second copy, which the reference lets win.
Json section(const Json& config, const std::string& name) {
    for (const std::string& key : {name + "_dict", name})
        if (config.contains(key) && !config[key].is_null())
            return config[key];
    return Json::object();
}

}  // namespace

Result<ClipConfig> transformersClipConfig(const Json& json, const TensorSource* weights) {
    ConfigReader reader(json, "config.json");
    ClipConfig config;
    config.layout = "clip";
    const std::string type = reader.text("model_type", "");
    config.embeddingWidth = reader.count("projection_dim", 512);
    config.initialLogitScale = reader.number("logit_scale_init_value", 2.6592);
    VITRINE_TRY_VOID(reader.finish());
    const bool whole = type == "clip";
    if (whole || type == "clip_vision_model") {
        VITRINE_TRY(config.vision,
                    visionConfig(whole ? section(json, "vision_config") : json, "config.json/vision_config"));
    }
    if (whole || type == "clip_text_model") {
        VITRINE_TRY(config.text,
                    textConfig(whole ? section(json, "text_config") : json, "config.json/text_config"));
    }
    // A tower alone is published with and without its projection.
    if (!whole) {
        config.hasLogitScale = false;
        config.hasProjections =
            weights && weights->find(config.vision ? config.vision->projection : config.text->projection);
    }
    return config;
}

bool isClipFolder(const ModelFolder& folder) {
    const std::string type = folder.modelType();
    return type == "clip" || type == "clip_vision_model" || type == "clip_text_model" || type == "open_clip";
}

Result<ClipConfig> clipConfigFrom(const ModelFolder& folder) {
    return folder.modelType() == "open_clip" ? openClipConfig(folder.config, folder.weights.get())
                                             : transformersClipConfig(folder.config, folder.weights.get());
}

}  // namespace vitrine::clip
