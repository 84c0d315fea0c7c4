// Reading the vision configuration of SAM 3.
#include "core/models/sam3/sam3_vision.h"

#include <algorithm>

namespace vitrine::sam3 {
namespace {

Result<void> checkSizes(const VisionSizes& s) {
    const std::string where = "config.json: vision_config";
    if (!nn::isActivation(s.activation))
        return fail(ErrorCode::Unsupported, fmt::format("unknown activation \"{}\"", s.activation), where);
    if (s.inputChannels != 3)
        return fail(ErrorCode::Unsupported, "pictures must have 3 channels", where);
    if (s.depth < 1 || s.headCount < 1 || s.width < 4 || s.width % (4 * s.headCount) || s.mlpWidth < 1)
        return fail(ErrorCode::InvalidFile,
                    "sizes do not fit together (the width of a head must be a multiple of 4)", where);
    if (s.patchSize < 1 || s.imageSize < s.patchSize || s.imageSize % s.patchSize ||
        s.pretrainImageSize < s.patchSize || s.windowSize < 1)
        return fail(ErrorCode::InvalidFile, "image, patch and window sizes do not fit together", where);
    if (s.pyramidWidth < 4 || s.pyramidWidth % 4)
        return fail(ErrorCode::Unsupported, "fpn_hidden_size must be a multiple of 4", where);
    const auto known = [](double scale) { return scale == 4 || scale == 2 || scale == 1 || scale == 0.5; };
    if (!std::all_of(s.scales.begin(), s.scales.end(), known) ||
        std::find(s.scales.begin(), s.scales.end(), 1.0) == s.scales.end())
        return fail(ErrorCode::Unsupported, "scale_factors must be of 4, 2, 1 and 0.5 and hold a 1", where);
    if (s.grid() < 2)
        return fail(ErrorCode::InvalidFile, "the picture must hold 2 x 2 patches or more", where);
    return {};
}

}  // namespace

Result<VisionSizes> visionSizesFrom(const Json& config) {
    VisionSizes s;
    const std::string pyramid = "config.json: vision_config", where = pyramid + ".backbone_config";
    const Json backbone = config.value("backbone_config", Json::object());
    VITRINE_TRY(s.width, jsonValueOr<int64_t>(backbone, "hidden_size", 1024, where));
    VITRINE_TRY(s.depth, jsonValueOr<int64_t>(backbone, "num_hidden_layers", 32, where));
    VITRINE_TRY(s.headCount, jsonValueOr<int64_t>(backbone, "num_attention_heads", 16, where));
    VITRINE_TRY(s.mlpWidth, jsonValueOr<int64_t>(backbone, "intermediate_size", 4736, where));
    VITRINE_TRY(s.patchSize, jsonValueOr<int64_t>(backbone, "patch_size", 14, where));
    VITRINE_TRY(s.imageSize, jsonValueOr<int64_t>(backbone, "image_size", 1008, where));
    VITRINE_TRY(s.pretrainImageSize, jsonValueOr<int64_t>(backbone, "pretrain_image_size", 336, where));
    VITRINE_TRY(s.windowSize, jsonValueOr<int64_t>(backbone, "window_size", 24, where));
    VITRINE_TRY(s.inputChannels, jsonValueOr<int64_t>(backbone, "num_channels", 3, where));
    VITRINE_TRY(s.layerNormEpsilon, jsonValueOr<double>(backbone, "layer_norm_eps", 1e-6, where));
    VITRINE_TRY(s.activation, jsonValueOr<std::string>(backbone, "hidden_act", "gelu", where));
    VITRINE_TRY(s.globalLayers,
                jsonValueOr<std::vector<int64_t>>(backbone, "global_attn_indexes", {7, 15, 23, 31}, where));
    // Older files state the base of the rotations beside the other sizes.
    VITRINE_TRY(s.ropeTheta, jsonValueOr<double>(backbone, "rope_theta", 10000.0, where));
    const Json rope = backbone.value("rope_parameters", Json());
    if (rope.is_object()) {
        VITRINE_TRY(s.ropeTheta,
                    jsonValueOr<double>(rope, "rope_theta", s.ropeTheta, where + ".rope_parameters"));
    }
    VITRINE_TRY(s.pyramidWidth, jsonValueOr<int64_t>(config, "fpn_hidden_size", 256, pyramid));
    VITRINE_TRY(s.scales, jsonValueOr<std::vector<double>>(config, "scale_factors", s.scales, pyramid));
    VITRINE_TRY_VOID(checkSizes(s));
    return s;
}

}  // namespace vitrine::sam3
