#include "core/models/config_reader.h"
#include "core/models/depth_anything/depth_network.h"

#include <cmath>

namespace vitrine::depth {
namespace {

// The backbone that the documentation gives where the key is absent.
const Json kDefaultBackbone = {{"model_type", "dinov2"},
                               {"image_size", 518},
                               {"hidden_size", 384},
                               {"num_attention_heads", 6},
                               {"out_indices", {9, 10, 11, 12}},
                               {"apply_layernorm", true},
                               {"reshape_hidden_states", false}};

void checkNeck(ConfigReader& reader, const DepthConfig& config) {
    const size_t count = config.neckWidths.size();
    if (count == 0 || config.reassembleFactors.size() != count ||
        config.backbone.outIndices.size() != count) {
        reader.addError(
            ErrorCode::InvalidFile,
            fmt::format("the neck has {} widths and {} factors, but the backbone gives {} maps", count,
                        config.reassembleFactors.size(), config.backbone.outIndices.size()));
        return;
    }
    for (const int64_t width : config.neckWidths)
        if (width < 1 || width > (1 << 16))
            reader.addError(ErrorCode::InvalidFile, fmt::format("\"neck_hidden_sizes\" holds {}", width));
    for (const double factor : config.reassembleFactors) {
        const double whole = factor >= 1 ? factor : 1 / factor;
        if (!(factor > 0) || whole > 64 || whole != std::floor(whole))
            reader.addError(
                ErrorCode::InvalidFile,
                fmt::format("\"reassemble_factors\" holds {}; expected whole numbers or their inverses",
                            factor));
    }
    const auto maps = int64_t(count);
    if (config.headInput < -maps || config.headInput >= maps)
        reader.addError(ErrorCode::InvalidFile,
                        fmt::format("\"head_in_index\" {} is outside the {} maps", config.headInput, maps));
    if (config.reassembleWidth != config.backbone.tower.width)
        reader.addError(ErrorCode::InvalidFile,
                        fmt::format("\"reassemble_hidden_size\" is {}, but the backbone is {} wide",
                                    config.reassembleWidth, config.backbone.tower.width));
}

}  // namespace

Result<DepthConfig> depthConfigFrom(const Json& json) {
    ConfigReader reader(json, "config.json");
    DepthConfig config;
    if (!reader.has("backbone_config") && reader.has("backbone"))
        return fail(ErrorCode::Unsupported,
                    "the backbone is given by name only, its configuration is not in the file",
                    "config.json/backbone", "Save the model again with a backbone_config");
    VITRINE_TRY(config.backbone, dino::dinoConfigFrom(reader.has("backbone_config") ? json["backbone_config"]
                                                                                    : kDefaultBackbone,
                                                      "config.json/backbone_config"));
    config.backbone.labelCount = 0;
    config.patchSize = reader.count("patch_size", 14, 1, 1024);
    config.reassembleWidth = reader.count("reassemble_hidden_size", 384);
    config.reassembleFactors = reader.numbers("reassemble_factors", config.reassembleFactors);
    config.neckWidths = reader.counts("neck_hidden_sizes", config.neckWidths);
    config.fusionWidth = reader.count("fusion_hidden_size", 64, 2, 1 << 16);
    config.headWidth = reader.count("head_hidden_size", 32, 1, 1 << 16);
    config.headInput = reader.count("head_in_index", -1, -64, 64);
    const std::string type = reader.text("depth_estimation_type", "relative");
    if (type != "relative" && type != "metric")
        reader.addError(ErrorCode::Unsupported,
                        fmt::format("the depth estimation type \"{}\" is not known", type),
                        "Known are relative and metric");
    config.metric = type == "metric";
    // Zero stands for "not given", as in the reference.
    config.maxDepth = reader.number("max_depth", 1.0);
    if (config.maxDepth == 0)
        config.maxDepth = 1;
    checkNeck(reader, config);
    VITRINE_TRY_VOID(reader.finish());
    return config;
}

}  // namespace vitrine::depth
