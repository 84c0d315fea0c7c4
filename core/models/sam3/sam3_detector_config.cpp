#include "core/models/sam3/sam3_detector_config.h"

#include "core/models/config_reader.h"
#include "core/models/sam3/sam3_mask_head.h"

namespace vitrine::sam3 {
namespace {

Json section(const Json& config, const std::string& name) {
    return config.contains(name) && !config[name].is_null() ? config[name] : Json::object();
}

Result<StackSizes> stackFrom(const Json& config, const std::string& name, int64_t depth) {
    const Json part = section(config, name);
    ConfigReader reader(part, "config.json: " + name);
    StackSizes sizes;
    sizes.width = reader.count("hidden_size", 256);
    sizes.mlpWidth = reader.count("intermediate_size", 2048);
    sizes.depth = reader.count("num_layers", depth, 1, 4096);
    sizes.headCount = reader.count("num_attention_heads", 8);
    sizes.activation = reader.activation("hidden_act", "relu");
    reader.requireDivides(sizes.headCount, sizes.width);
    VITRINE_TRY_VOID(reader.finish());
    return sizes;
}

}  // namespace

Result<DetectorSizes> detectorSizesFrom(const Json& config, int64_t pyramidWidth, int64_t levelCount) {
    DetectorSizes sizes;
    VITRINE_TRY(sizes.geometry, stackFrom(config, "geometry_encoder_config", 3));
    VITRINE_TRY(sizes.encoder, stackFrom(config, "detr_encoder_config", 6));
    VITRINE_TRY(sizes.decoder, stackFrom(config, "detr_decoder_config", 6));
    const Json geometry = section(config, "geometry_encoder_config");
    ConfigReader geometryReader(geometry, "config.json: geometry_encoder_config");
    sizes.boxPoolSide = geometryReader.count("roi_size", 7, 1, 256);
    VITRINE_TRY_VOID(geometryReader.finish());
    const Json decoder = section(config, "detr_decoder_config");
    ConfigReader decoderReader(decoder, "config.json: detr_decoder_config");
    sizes.queryCount = decoderReader.count("num_queries", 200);
    VITRINE_TRY_VOID(decoderReader.finish());
    const Json mask = section(config, "mask_decoder_config");
    ConfigReader maskReader(mask, "config.json: mask_decoder_config");
    const int64_t maskWidth = maskReader.count("hidden_size", 256);
    sizes.maskHeadCount = maskReader.count("num_attention_heads", 8);
    sizes.upsamplingStages = maskReader.count("num_upsampling_stages", 3, 1, 64);
    maskReader.requireDivides(sizes.maskHeadCount, maskWidth);
    if (sizes.upsamplingStages < levelCount - 1)
        maskReader.addError(ErrorCode::InvalidFile,
                            "\"num_upsampling_stages\" is too small for the levels of the pyramid");
    VITRINE_TRY_VOID(maskReader.finish());
    for (const int64_t width : {sizes.geometry.width, sizes.encoder.width, sizes.decoder.width, maskWidth})
        if (width != pyramidWidth)
            return fail(
                ErrorCode::InvalidFile,
                fmt::format("the detector's parts and the pyramid must have one width, found {} and {}",
                            width, pyramidWidth),
                "config.json");
    if (pyramidWidth % kPixelNormGroups)
        return fail(ErrorCode::Unsupported,
                    fmt::format("the detector's width must be a multiple of {}", kPixelNormGroups),
                    "config.json");
    return sizes;
}

Result<clip::ClipConfig> textConfigFrom(const Json& config) {
    Json text = section(config, "text_config");
    // Without any text_config the published sizes hold; inside one, absent keys take CLIP's.
    if (text.is_object() && text.empty())
        text = {{"vocab_size", 49408},           {"hidden_size", 1024},     {"intermediate_size", 4096},
                {"projection_dim", 512},         {"num_hidden_layers", 24}, {"num_attention_heads", 16},
                {"max_position_embeddings", 32}, {"hidden_act", "gelu"}};
    if (!text.is_object())
        return fail(ErrorCode::InvalidFile, "must be an object", "config.json: text_config");
    text["model_type"] = "clip_text_model";
    VITRINE_TRY(clip::ClipConfig tower, clip::transformersClipConfig(text, nullptr));
    tower.hasProjections = true;  // stored, though the detector takes the tokens and not the pooled vector
    return tower;
}

}  // namespace vitrine::sam3
