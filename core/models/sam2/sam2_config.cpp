// Reading the vision configuration of SAM 2.
#include "core/models/sam2/sam2_vision.h"

#include <algorithm>

namespace vitrine::sam2 {
namespace {

using Integers = std::vector<int64_t>;

// A number or a pair [height, width].
Result<Integers> pairFrom(const Json& config, const char* key, int64_t fallback, const std::string& where) {
    if (config.contains(key) && config[key].is_number()) {
        VITRINE_TRY(const int64_t side, jsonValue<int64_t>(config, key, where));
        return Integers{side, side};
    }
    VITRINE_TRY(Integers pair, jsonValueOr<Integers>(config, key, {fallback, fallback}, where));
    if (pair.size() != 2)
        return fail(ErrorCode::InvalidFile, "expected a number or a pair", where + "." + key);
    return pair;
}

// A pair whose sides must be equal: Vitrine's convolutions and pooling have one stride for both directions.
Result<int64_t> squareFrom(const Json& config, const char* key, int64_t fallback, const std::string& where) {
    VITRINE_TRY(const Integers pair, pairFrom(config, key, fallback, where));
    if (pair[0] != pair[1])
        return fail(ErrorCode::Unsupported, "height and width must be equal", where + "." + key);
    return pair[0];
}

Result<void> checkHiera(const HieraSizes& s, const std::string& where) {
    const size_t stages = s.blocks.size();
    const auto positive = [](const Integers& values) {
        return std::all_of(values.begin(), values.end(), [](int64_t v) { return v > 0; });
    };
    if (stages == 0 || s.widths.size() != stages || s.heads.size() != stages || s.windows.size() != stages)
        return fail(ErrorCode::InvalidFile, "the lists per stage have different lengths", where);
    if (!positive(s.widths) || !positive(s.blocks) || !positive(s.heads) || !positive(s.windows) ||
        !positive(s.backgroundGrid) || s.patchKernel < 1 || s.patchStride < 1 || s.patchPadding < 0 ||
        s.queryStride < 1 || s.pooledStages < 0 || s.imageHeight < 1 || s.imageWidth < 1 ||
        s.inputChannels < 1 || s.mlpRatio <= 0)
        return fail(ErrorCode::InvalidFile, "sizes must be positive", where);
    for (size_t i = 0; i < stages; ++i) {
        if (s.widths[i] % s.heads[i])
            return fail(ErrorCode::InvalidFile, "a stage's width is no multiple of its heads", where);
        const bool poolsNext = i + 1 < stages && int64_t(i) + 1 <= s.pooledStages;
        if (poolsNext && (s.windows[i] % s.queryStride || s.widths[i] == s.widths[i + 1]))
            return fail(ErrorCode::Unsupported,
                        "a pooling stage needs a window that query_stride divides, "
                        "and a new width",
                        where);
    }
    if (!nn::isActivation(s.activation))
        return fail(ErrorCode::Unsupported, fmt::format("unknown activation \"{}\"", s.activation), where);
    return {};
}

Result<void> checkVision(const VisionSizes& s, const std::string& where) {
    const Integers reversed(s.backbone.widths.rbegin(), s.backbone.widths.rend());
    if (s.channels != reversed)
        return fail(ErrorCode::InvalidFile, "backbone_channel_list does not fit embed_dim_per_stage", where);
    if (s.levelCount != 3 || s.channels.size() < 3)
        return fail(ErrorCode::Unsupported, "the mask decoder takes 3 feature levels", where);
    if (s.width < 4 || s.width % 4 || s.kernel < 1 || s.stride != 1 || s.padding * 2 + 1 != s.kernel)
        return fail(ErrorCode::Unsupported,
                    "the pyramid needs a width of a multiple of 4 and convolutions that keep the size",
                    where);
    for (size_t stage = 1; stage < s.channels.size(); ++stage)
        if (s.backbone.stageStride(stage) != 2 * s.backbone.stageStride(stage - 1))
            return fail(ErrorCode::Unsupported, "every stage must halve the map", where);
    return {};
}

}  // namespace

Result<HieraSizes> hieraSizesFrom(const Json& config) {
    HieraSizes s;
    const std::string where = "config.json: vision_config.backbone_config";
    VITRINE_TRY(s.widths, jsonValueOr<Integers>(config, "embed_dim_per_stage", s.widths, where));
    VITRINE_TRY(s.blocks, jsonValueOr<Integers>(config, "blocks_per_stage", s.blocks, where));
    VITRINE_TRY(s.heads, jsonValueOr<Integers>(config, "num_attention_heads_per_stage", s.heads, where));
    VITRINE_TRY(s.windows, jsonValueOr<Integers>(config, "window_size_per_stage", s.windows, where));
    VITRINE_TRY(s.globalBlocks,
                jsonValueOr<Integers>(config, "global_attention_blocks", s.globalBlocks, where));
    VITRINE_TRY(s.backgroundGrid, pairFrom(config, "window_positional_embedding_background_size", 7, where));
    VITRINE_TRY(const Integers image, pairFrom(config, "image_size", 1024, where));
    s.imageHeight = image[0], s.imageWidth = image[1];
    VITRINE_TRY(s.inputChannels, jsonValueOr<int64_t>(config, "num_channels", 3, where));
    VITRINE_TRY(s.patchKernel, squareFrom(config, "patch_kernel_size", 7, where));
    VITRINE_TRY(s.patchStride, squareFrom(config, "patch_stride", 4, where));
    VITRINE_TRY(s.patchPadding, squareFrom(config, "patch_padding", 3, where));
    VITRINE_TRY(s.queryStride, squareFrom(config, "query_stride", 2, where));
    VITRINE_TRY(s.pooledStages, jsonValueOr<int64_t>(config, "num_query_pool_stages", 3, where));
    VITRINE_TRY(s.mlpRatio, jsonValueOr<double>(config, "mlp_ratio", 4.0, where));
    VITRINE_TRY(s.layerNormEpsilon, jsonValueOr<double>(config, "layer_norm_eps", 1e-6, where));
    VITRINE_TRY(s.activation, jsonValueOr<std::string>(config, "hidden_act", "gelu", where));
    VITRINE_TRY_VOID(checkHiera(s, where));
    return s;
}

Result<VisionSizes> visionSizesFrom(const Json& config) {
    VisionSizes s;
    const std::string where = "config.json: vision_config";
    VITRINE_TRY(s.backbone, hieraSizesFrom(config.value("backbone_config", Json::object())));
    VITRINE_TRY(s.channels, jsonValueOr<Integers>(config, "backbone_channel_list", s.channels, where));
    VITRINE_TRY(s.topDownLevels,
                jsonValueOr<Integers>(config, "fpn_top_down_levels", s.topDownLevels, where));
    VITRINE_TRY(s.width, jsonValueOr<int64_t>(config, "fpn_hidden_size", 256, where));
    VITRINE_TRY(s.kernel, jsonValueOr<int64_t>(config, "fpn_kernel_size", 1, where));
    VITRINE_TRY(s.stride, jsonValueOr<int64_t>(config, "fpn_stride", 1, where));
    VITRINE_TRY(s.padding, jsonValueOr<int64_t>(config, "fpn_padding", 0, where));
    VITRINE_TRY(s.levelCount, jsonValueOr<int64_t>(config, "num_feature_levels", 3, where));
    VITRINE_TRY_VOID(checkVision(s, where));
    return s;
}

}  // namespace vitrine::sam2
