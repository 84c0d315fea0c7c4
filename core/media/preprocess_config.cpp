#include "core/media/preprocess.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr std::array<double, 3> kClipMean{0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kClipStd{0.26862954, 0.26130258, 0.27577711};
constexpr std::array<double, 3> kImageNetMean{0.485, 0.456, 0.406};
constexpr std::array<double, 3> kImageNetStd{0.229, 0.224, 0.225};

// What a published image processor class does where its file is silent.
PreprocessConfig classDefaults(ProcessorKind kind) {
    PreprocessConfig config;
    config.kind = kind;
    switch (kind) {
        case ProcessorKind::Clip:
        case ProcessorKind::Bit:
            config.centerCrop = true;
            config.shortestEdge = 224;
            config.cropSize = ImageSize{224, 224};
            config.mean = kClipMean;
            config.std = kClipStd;
            break;
        case ProcessorKind::Siglip:
            config.size = ImageSize{224, 224};
            break;
        case ProcessorKind::Siglip2:
            config.resampling = Resampling::Bilinear;
            break;
        case ProcessorKind::Vit:
            config.size = ImageSize{224, 224};
            config.resampling = Resampling::Bilinear;
            break;
        case ProcessorKind::Dinov3:
            config.size = ImageSize{224, 224};
            config.resampling = Resampling::Bilinear;
            config.mean = kImageNetMean;
            config.std = kImageNetStd;
            break;
        case ProcessorKind::Sam:
            config.longestEdge = 1024;
            config.pad = true;
            config.padSize = ImageSize{1024, 1024};
            config.resampling = Resampling::Bilinear;
            config.mean = kImageNetMean;
            config.std = kImageNetStd;
            break;
        case ProcessorKind::Sam2:
            config.size = ImageSize{1024, 1024};
            config.resampling = Resampling::Bilinear;
            config.mean = kImageNetMean;
            config.std = kImageNetStd;
            break;
        case ProcessorKind::Dpt:
            config.size = ImageSize{384, 384};
            break;
    }
    return config;
}

// Class names carry "Fast" or "Pil" for another implementation of the same computation; old files name the
// feature extractor.
Result<PreprocessConfig> defaultsOfType(std::string name, std::string_view where) {
    const std::string written = name;
    for (const std::string_view suffix : {"Fast", "Pil"})
        if (name.ends_with(suffix))
            name.resize(name.size() - suffix.size());
    for (const std::string_view suffix : {"ImageProcessor", "FeatureExtractor"})
        if (name.ends_with(suffix))
            name.resize(name.size() - suffix.size());
    struct Known {
        const char* name;
        ProcessorKind kind;
    };
    constexpr Known kKnown[] = {{"CLIP", ProcessorKind::Clip},        {"Siglip", ProcessorKind::Siglip},
                                {"Siglip2", ProcessorKind::Siglip2},  {"Bit", ProcessorKind::Bit},
                                {"DINOv3ViT", ProcessorKind::Dinov3}, {"Sam", ProcessorKind::Sam},
                                {"Sam2", ProcessorKind::Sam2},        {"Sam3", ProcessorKind::Sam2},
                                {"DPT", ProcessorKind::Dpt},          {"ViT", ProcessorKind::Vit}};
    for (const Known& known : kKnown)
        if (name == known.name) {
            PreprocessConfig config = classDefaults(known.kind);
            config.typeName = written;
            if (name == "Sam3") {
                config.size = ImageSize{1008, 1008};
                config.mean = config.std = {0.5, 0.5, 0.5};
            }
            return config;
        }
    return fail(
        ErrorCode::UnknownFamily, fmt::format("no image processor is known by the name \"{}\"", written),
        fmt::format("{}/image_processor_type", where),
        "Known are CLIP, Siglip, Siglip2, Bit, DINOv3ViT, Sam, Sam2, Sam3, DPT and ViT ImageProcessor");
}

struct Sides {
    std::optional<ImageSize> both;
    std::optional<int64_t> shortest, longest;
};

Result<std::optional<int64_t>> side(const Json& json, const char* key, const std::string& where) {
    if (!json.contains(key) || json[key].is_null())
        return std::nullopt;
    VITRINE_TRY(const int64_t value, jsonValue<int64_t>(json, key, where));
    if (value < 1 || value > 65536)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 1 to 65536 pixels, found {}", value),
                    fmt::format("{}/{}", where, key));
    return value;
}

// A size is an object, or in old files one number, or a list (height, width).
Result<Sides> sidesFrom(const Json& parent, const char* key, bool numberIsSquare, std::string_view where) {
    const std::string inside = fmt::format("{}/{}", where, key);
    Json json = parent[key];
    if (json.is_number())
        json = numberIsSquare ? Json{{"height", json}, {"width", json}} : Json{{"shortest_edge", json}};
    else if (json.is_array() && json.size() == 2)
        json = Json{{"height", json[0]}, {"width", json[1]}};
    if (!json.is_object())
        return fail(ErrorCode::InvalidArgument,
                    "expected a number, {height, width}, {shortest_edge} or {longest_edge}", inside);
    Sides sides;
    VITRINE_TRY(const auto height, side(json, "height", inside));
    VITRINE_TRY(const auto width, side(json, "width", inside));
    VITRINE_TRY(sides.shortest, side(json, "shortest_edge", inside));
    VITRINE_TRY(sides.longest, side(json, "longest_edge", inside));
    if (height && width)
        sides.both = ImageSize{*width, *height};
    if (!sides.both && !sides.shortest && !sides.longest)
        return fail(ErrorCode::InvalidArgument,
                    "expected {height, width}, {shortest_edge} or {longest_edge}; none of them is given",
                    inside);
    return sides;
}

bool given(const Json& json, const char* key) {
    return json.contains(key) && !json[key].is_null();
}

Result<void> readSizes(const Json& json, PreprocessConfig& config, std::string_view where) {
    if (given(json, "size")) {
        const bool square = config.kind != ProcessorKind::Clip && config.kind != ProcessorKind::Bit;
        VITRINE_TRY(const Sides sides, sidesFrom(json, "size", square, where));
        config.size = sides.both;
        config.shortestEdge = sides.shortest;
        config.longestEdge = sides.longest;
    }
    if (given(json, "crop_size")) {
        VITRINE_TRY(const Sides sides, sidesFrom(json, "crop_size", true, where));
        const int64_t edge = sides.shortest.value_or(sides.longest.value_or(1));
        config.cropSize = sides.both.value_or(ImageSize{edge, edge});
    }
    if (given(json, "pad_size")) {
        VITRINE_TRY(const Sides sides, sidesFrom(json, "pad_size", true, where));
        config.padSize = sides.both;
    }
    const std::string name(where);
    if (given(json, "size_divisor")) {
        VITRINE_TRY(config.sizeDivisor, side(json, "size_divisor", name));
    }
    const std::pair<const char*, int64_t*> counts[] = {{"ensure_multiple_of", &config.ensureMultipleOf},
                                                       {"max_num_patches", &config.maxPatches},
                                                       {"patch_size", &config.patchSize}};
    for (const auto& [key, target] : counts) {
        VITRINE_TRY(const auto value, side(json, key, name));
        *target = value.value_or(*target);
    }
    return {};
}

Result<void> readChannels(const Json& json, const char* key, std::array<double, 3>& target,
                          std::string_view where) {
    if (!given(json, key))
        return {};
    VITRINE_TRY(const auto values, jsonValue<std::vector<double>>(json, key, where));
    if (values.size() != 3)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 3 numbers, found {}", values.size()),
                    fmt::format("{}/{}", where, key));
    std::copy_n(values.begin(), 3, target.begin());
    return {};
}

}  // namespace

Result<PreprocessConfig> preprocessConfigFromJson(const Json& whole, std::string_view where) {
    if (!whole.is_object())
        return fail(ErrorCode::InvalidFile, "expected an object", std::string(where));
    // processor_config.json keeps the same object one level down.
    const Json& json = whole.contains("image_processor") && whole["image_processor"].is_object()
                           ? whole["image_processor"]
                           : whole;
    const char* typeKey =
        given(json, "image_processor_type") ? "image_processor_type" : "feature_extractor_type";
    VITRINE_TRY(const auto type, jsonValue<std::string>(json, typeKey, where));
    VITRINE_TRY(PreprocessConfig config, defaultsOfType(type, where));
    const std::pair<const char*, bool*> switches[] = {
        {"do_convert_rgb", &config.convertRgb},        {"do_resize", &config.resize},
        {"do_center_crop", &config.centerCrop},        {"do_rescale", &config.rescale},
        {"do_normalize", &config.normalize},           {"do_pad", &config.pad},
        {"keep_aspect_ratio", &config.keepAspectRatio}};
    for (const auto& [key, target] : switches)
        if (given(json, key)) {
            VITRINE_TRY(*target, jsonValue<bool>(json, key, where));
        }
    VITRINE_TRY_VOID(readSizes(json, config, where));
    if (given(json, "resample")) {
        VITRINE_TRY(const auto number, jsonValue<int64_t>(json, "resample", where));
        auto resampling = resamplingFromNumber(number);
        if (!resampling)
            return fail(resampling.error().in(where));
        config.resampling = *resampling;
    }
    VITRINE_TRY(config.rescaleFactor,
                jsonValueOr<double>(json, "rescale_factor", config.rescaleFactor, where));
    VITRINE_TRY_VOID(readChannels(json, "image_mean", config.mean, where));
    VITRINE_TRY_VOID(readChannels(json, "image_std", config.std, where));
    if (!(config.rescaleFactor > 0) ||
        std::any_of(config.std.begin(), config.std.end(), [](double s) { return !(s > 0); }))
        return fail(ErrorCode::InvalidArgument, "rescale_factor and image_std must be positive",
                    std::string(where));
    return config;
}

Result<PreprocessConfig> readPreprocessConfig(const std::filesystem::path& file) {
    VITRINE_TRY(const Json json, readJsonFile(file));
    return preprocessConfigFromJson(json, file.string());
}

}  // namespace vitrine
