// The open_clip layout: model_cfg with vision_cfg and text_cfg, blocks named resblocks, packed in_proj.
#include "core/models/clip/clip_config.h"
#include "core/models/config_reader.h"

namespace vitrine::clip {
namespace {

const char* const kWhere = "open_clip_config.json/model_cfg";

// Options of the reference that change the computation and that no published ViT checkpoint of this layout
// needs.
void refuseVariants(ConfigReader& reader) {
    for (const char* key : {"qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn", "scale_attn_inner",
                            "scale_fc", "inner_norm", "block_type", "attn_type"})
        reader.refuse(key, fmt::format("a transformer with {}", key));
}

std::string activationOf(ConfigReader& reader, const Json& json, bool quickGelu) {
    if (quickGelu)
        return "quick_gelu";
    if (!reader.has("act_kwargs"))
        return "gelu";
    ConfigReader arguments(json["act_kwargs"], reader.where() + "/act_kwargs");
    return arguments.text("approximate", "none") == "tanh" ? "gelu_pytorch_tanh" : "gelu";
}

void readTower(ConfigReader& reader, const Json& json, nn::TowerOptions& tower, bool quickGelu) {
    tower.activation = activationOf(reader, json, quickGelu);
    tower.epsilon = 1e-5;
    if (reader.has("norm_kwargs")) {
        ConfigReader arguments(json["norm_kwargs"], reader.where() + "/norm_kwargs");
        tower.epsilon = arguments.number("eps", 1e-5);
    }
    const double ratio = reader.number("mlp_ratio", 4.0);
    if (!(ratio > 0 && ratio < 1000))
        reader.addError(ErrorCode::InvalidFile, fmt::format("\"mlp_ratio\" is {}", ratio));
    else
        tower.mlpWidth = std::max<int64_t>(1, int64_t(double(tower.width) * ratio));
    tower.names = {.norm1 = "ln_1",
                   .norm2 = "ln_2",
                   .packedWeight = "attn.in_proj_weight",
                   .packedBias = "attn.in_proj_bias",
                   .out = "attn.out_proj",
                   .up = "mlp.c_fc",
                   .down = "mlp.c_proj"};
    if (reader.has("ls_init_value")) {
        tower.names.scale1 = "ls_1.gamma";
        tower.names.scale2 = "ls_2.gamma";
    }
    refuseVariants(reader);
}

ImagePooling imagePooling(ConfigReader& reader) {
    const std::string name = reader.text("pool_type", "tok");
    if (reader.flag("global_average_pool", false) || name == "avg")
        return ImagePooling::PatchMean;
    if (name == "avg_all")
        return ImagePooling::AllMean;
    if (name != "tok")
        reader.addError(ErrorCode::Unsupported, fmt::format("the image pooling \"{}\" is not known", name),
                        "Known are tok, avg and avg_all");
    return ImagePooling::ClassToken;
}

Result<VisionConfig> visionConfig(const Json& json, bool quickGelu) {
    ConfigReader reader(json, std::string(kWhere) + "/vision_cfg");
    if (reader.has("timm_model_name"))
        return fail(ErrorCode::Unsupported,
                    fmt::format("the image tower is the timm model \"{}\"; only open_clip's own vision "
                                "transformer can be loaded from this layout",
                                reader.text("timm_model_name", "")),
                    reader.where(), "Load the same model from a Hugging Face (transformers) folder instead");
    if (reader.has("layers") && json["layers"].is_array())
        return fail(ErrorCode::Unsupported, "the image tower is a ResNet, not a vision transformer",
                    reader.where());
    VisionConfig vision;
    nn::TowerOptions& tower = vision.tower;
    tower.width = reader.count("width", 768);
    tower.depth = reader.count("layers", 12, 1, 4096);
    const int64_t headWidth = reader.count("head_width", 64);
    if (tower.width % headWidth)
        reader.addError(
            ErrorCode::InvalidFile,
            fmt::format("\"width\" {} is not a multiple of \"head_width\" {}", tower.width, headWidth));
    tower.headCount = std::max<int64_t>(1, tower.width / headWidth);
    readTower(reader, json, tower, quickGelu);
    tower.names.blocks = "visual.transformer.resblocks";
    vision.imageSize = reader.size("image_size", {224, 224});
    vision.patchSize = reader.size("patch_size", {16, 16});
    if (vision.patchSize.height != vision.patchSize.width || vision.storedGrid().height < 1 ||
        vision.storedGrid().width < 1)
        reader.addError(ErrorCode::InvalidFile,
                        "\"patch_size\" must be one number that is not above \"image_size\"");
    vision.preNorm = !reader.flag("no_ln_pre", false);
    vision.normsBeforePool = !reader.flag("final_ln_after_pool", false);
    vision.pooling = imagePooling(reader);
    vision.antialiasPositions = true;
    reader.refuse("attentional_pool", "attentional pooling");
    reader.refuse("input_patchnorm", "a normalisation of the input patches");
    vision.classToken = "visual.class_embedding";
    vision.patchProjection = "visual.conv1";
    vision.positions = "visual.positional_embedding";
    vision.preNormName = "visual.ln_pre";
    vision.postNormName = "visual.ln_post";
    vision.projection = "visual.proj";
    VITRINE_TRY_VOID(reader.finish());
    return vision;
}

TextPooling textPooling(ConfigReader& reader) {
    const std::string name = reader.text("pool_type", "argmax");
    if (name == "eos")
        return TextPooling::EndToken;
    if (name == "first")
        return TextPooling::First;
    if (name == "last")
        return TextPooling::Last;
    if (name != "argmax")
        reader.addError(ErrorCode::Unsupported, fmt::format("the text pooling \"{}\" is not known", name),
                        "Known are argmax, eos, first and last");
    return TextPooling::HighestId;
}

Result<TextConfig> textConfig(const Json& json, bool quickGelu, const std::string& prefix) {
    ConfigReader reader(json, std::string(kWhere) + "/text_cfg");
    if (reader.has("hf_model_name"))
        return fail(ErrorCode::Unsupported,
                    fmt::format("the text tower is the language model \"{}\"; only open_clip's own text "
                                "transformer can be loaded from this layout",
                                reader.text("hf_model_name", "")),
                    reader.where());
    TextConfig text;
    text.tower.width = reader.count("width", 512);
    text.tower.depth = reader.count("layers", 12, 1, 4096);
    text.tower.headCount = reader.count("heads", 8);
    reader.requireDivides(text.tower.headCount, text.tower.width);
    readTower(reader, json, text.tower, quickGelu);
    text.tower.names.blocks = prefix + "transformer.resblocks";
    text.vocabulary = reader.count("vocab_size", 49408, 1, 1 << 24);
    text.contextLength = reader.count("context_length", 77);
    text.causal = !reader.flag("no_causal_mask", false);
    text.pooling = textPooling(reader);
    text.endToken = reader.count("eos_id", 49407, 0, 1 << 24);
    for (const char* key : {"embed_cls", "use_pad_mask", "proj_bias"})
        reader.refuse(key, fmt::format("a text tower with {}", key));
    if (reader.text("proj_type", "linear") != "linear")
        reader.addError(ErrorCode::Unsupported, "only a linear text projection can be loaded");
    text.tokens = prefix + "token_embedding";
    text.positions = prefix + "positional_embedding";
    text.finalNorm = prefix + "ln_final";
    text.projection = prefix + "text_projection";
    VITRINE_TRY_VOID(reader.finish());
    return text;
}

}  // namespace

Result<ClipConfig> openClipConfig(const Json& json, const TensorSource* weights) {
    VITRINE_TRY(const Json model, jsonValue<Json>(json, "model_cfg", "open_clip_config.json"));
    ConfigReader reader(model, kWhere);
    reader.refuse("multimodal_cfg", "a captioning decoder");
    ClipConfig config;
    config.layout = "open_clip";
    config.transposedProjections = true;
    config.embeddingWidth = reader.count("embed_dim", 512);
    const bool quickGelu = reader.flag("quick_gelu", false);
    const bool customText = reader.flag("custom_text", false);
    config.hasLogitBias = reader.has("init_logit_bias");
    VITRINE_TRY_VOID(reader.finish());
    VITRINE_TRY(const Json vision, jsonValue<Json>(model, "vision_cfg", kWhere));
    VITRINE_TRY(const Json text, jsonValue<Json>(model, "text_cfg", kWhere));
    VITRINE_TRY(config.vision, visionConfig(vision, quickGelu));
    // Models with their own text class keep the text tower one level down.
    const bool nested = weights ? weights->find("text.token_embedding.weight") != nullptr : customText;
    VITRINE_TRY(config.text, textConfig(text, quickGelu, nested ? "text." : ""));
    return config;
}

}  // namespace vitrine::clip
