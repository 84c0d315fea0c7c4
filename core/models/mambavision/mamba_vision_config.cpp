#include "core/models/mambavision/mamba_vision_config.h"

#include "core/models/config_reader.h"
#include "core/models/radio/map_adaptors.h"

#include <algorithm>
#include <cmath>

namespace vitrine::mambavision {
namespace {

// Four counts under `key`.
void readPerLevel(ConfigReader& reader, const std::string& key, std::array<int64_t, kLevels>& target,
                  int64_t most) {
    const std::vector<int64_t> values = reader.counts(key, {target.begin(), target.end()});
    if (values.size() != kLevels)
        return reader.addError(ErrorCode::InvalidFile,
                               fmt::format("\"{}\" has {} entries, expected one for each of the {} levels",
                                           key, values.size(), kLevels));
    for (const int64_t value : values)
        if (value < 1 || value > most)
            return reader.addError(ErrorCode::InvalidFile,
                                   fmt::format("\"{}\" holds {}, expected 1 to {}", key, value, most));
    std::copy(values.begin(), values.end(), target.begin());
}

void readChannels(ConfigReader& reader, const std::string& key, std::vector<double>& target) {
    target = reader.numbers(key, target);
    if (target.size() != 3)
        reader.addError(ErrorCode::InvalidFile,
                        fmt::format("\"{}\" has {} entries, expected 3", key, target.size()));
}

// Layer scales are an initial value, or null for none.
bool hasScale(ConfigReader& reader, const std::string& key) {
    return reader.has(key) && std::isfinite(reader.number(key, 0));
}

MambaVisionConfig variant(int64_t width, int64_t stemWidth, std::array<int64_t, kLevels> depths,
                          double cropShare = 1, std::array<int64_t, kLevels> windows = {8, 8, 14, 7}) {
    MambaVisionConfig config;
    config.width = width;
    config.stemWidth = stemWidth;
    config.depths = depths;
    config.windows = windows;
    config.layerScale = width > 96;
    if (width > 128)
        config.headCounts = {4, 8, 16, 32};
    config.imageSide = 16 * windows[2];
    config.cropShare = cropShare;
    if (config.imageSide == 512)
        config.cropMode = "squash";
    return config;
}

}  // namespace

Result<MambaVisionConfig> mambaVisionConfigFrom(const Json& json, const std::string& where) {
    ConfigReader reader(json, where);
    MambaVisionConfig config;
    config.width = reader.count("dim", config.width, 1, 1 << 14);
    config.stemWidth = reader.count("in_dim", config.stemWidth, 1, 1 << 14);
    readPerLevel(reader, "depths", config.depths, 1000);
    readPerLevel(reader, "num_heads", config.headCounts, 1 << 14);
    readPerLevel(reader, "window_size", config.windows, 1 << 12);
    for (size_t level = kFirstTokenLevel; level < kLevels; ++level)
        reader.requireDivides(config.headCounts[level], config.widthOf(level));
    if (config.widthOf(kFirstTokenLevel) % 2)
        reader.addError(ErrorCode::InvalidFile, "mixers halve the width, which must be even");
    config.mlpRatio = reader.number("mlp_ratio", config.mlpRatio);
    if (!(config.mlpRatio > 0 && config.mlpRatio < 1000))
        reader.addError(ErrorCode::InvalidFile, fmt::format("\"mlp_ratio\" is {}", config.mlpRatio));
    config.layerScale = hasScale(reader, "layer_scale");
    config.convLayerScale = hasScale(reader, "layer_scale_conv");
    if (reader.has("id2label") && json["id2label"].is_object())
        config.classCount = int64_t(json["id2label"].size());
    config.classCount = reader.count("num_classes", config.classCount, 0);
    // The whole map of level 2 is one window at the training size.
    config.imageSide = reader.size("image_size", {16 * config.windows[2], 16 * config.windows[2]}).height;
    readChannels(reader, "mean", config.mean);
    readChannels(reader, "std", config.std);
    config.cropMode = reader.text("crop_mode", config.cropMode);
    if (config.cropMode != "center" && config.cropMode != "squash")
        reader.addError(ErrorCode::Unsupported, fmt::format("\"crop_mode\" is \"{}\"", config.cropMode),
                        "Known are center and squash");
    config.cropShare = reader.number("crop_pct", config.cropShare);
    if (!(config.cropShare > 0.01 && config.cropShare <= 1))
        reader.addError(ErrorCode::InvalidFile, fmt::format("\"crop_pct\" is {}", config.cropShare));
    VITRINE_TRY_VOID(reader.finish());
    return config;
}

Json MambaVisionConfig::preprocessor() const {
    // The picture is enlarged so that the crop takes this share of it; "squash" gives up its aspect.
    const auto enlarged = int64_t(std::floor(double(imageSide) / cropShare));
    Json size{{"shortest_edge", enlarged}};
    if (cropMode == "squash")
        size = {{"height", enlarged}, {"width", enlarged}};
    return {{"image_processor_type", "CLIPImageProcessor"},
            {"do_resize", true},
            {"size", size},
            {"resample", 3},
            {"do_center_crop", true},
            {"crop_size", {{"height", imageSide}, {"width", imageSide}}},
            {"do_rescale", true},
            {"rescale_factor", 1.0 / 255},
            {"do_normalize", true},
            {"image_mean", mean},
            {"image_std", std}};
}

Json MambaVisionConfig::json() const {
    Json json{{"architectures", Json::array({"MambaVisionModel"})},
              {"model_type", "mambavision"},
              {"dim", width},
              {"in_dim", stemWidth},
              {"depths", depths},
              {"num_heads", headCounts},
              {"window_size", windows},
              {"mlp_ratio", mlpRatio},
              {"num_classes", classCount},
              {"image_size", imageSide},
              {"mean", mean},
              {"std", std},
              {"crop_mode", cropMode},
              {"crop_pct", cropShare}};
    constexpr double kScaleStart = 1e-5;
    if (layerScale)
        json["layer_scale"] = kScaleStart;
    if (convLayerScale)
        json["layer_scale_conv"] = kScaleStart;
    if (!adaptors.empty())
        describeAdaptors(adaptors, json);
    return json;
}

const std::vector<std::pair<std::string, MambaVisionConfig>>& publishedMambaVisions() {
    static const std::vector<std::pair<std::string, MambaVisionConfig>> variants{
        {"T", variant(80, 32, {1, 3, 8, 4})},
        {"T2", variant(80, 32, {1, 3, 11, 4}, 0.98)},
        {"S", variant(96, 64, {3, 3, 7, 5}, 0.93)},
        {"B", variant(128, 64, {3, 3, 10, 5})},
        {"L", variant(196, 64, {3, 3, 10, 5})},
        {"L2", variant(196, 64, {3, 3, 12, 5})},
        {"L2-512", variant(196, 64, {3, 3, 12, 5}, 0.93, {8, 8, 32, 16})},
        {"L3-256", variant(256, 64, {3, 3, 20, 10}, 1, {8, 8, 16, 8})},
        {"L3-512", variant(256, 64, {3, 3, 20, 10}, 0.93, {8, 8, 32, 16})},
    };
    return variants;
}

}  // namespace vitrine::mambavision
