#include "core/models/featup/featup_config.h"

#include "core/models/config_reader.h"

namespace vitrine::featup {
namespace {

std::optional<std::string> prefixIn(const ModelFolder& folder) {
    if (folder.weights)
        for (const char* prefix : {"", "state_dict."})
            if (folder.weights->find(std::string(prefix) + "upsampler.up1.range_temp"))
                return prefix;
    return std::nullopt;
}

}  // namespace

bool looksLikeFeatUp(const ModelFolder& folder) {
    return prefixIn(folder).has_value();
}

Result<FeatUpConfig> featUpConfigFrom(const ModelFolder& folder) {
    const auto prefix = prefixIn(folder);
    if (!prefix)
        return fail(ErrorCode::NotFound, "the upsampler's first level is missing",
                    "upsampler.up1.range_temp");
    FeatUpConfig config;
    config.prefix = *prefix;
    const auto has = [&](const std::string& name) { return folder.weights->find(*prefix + name) != nullptr; };
    config.levelCount = 1;
    while (has(fmt::format("upsampler.up{}.range_temp", config.levelCount + 1)))
        ++config.levelCount;
    if (config.levelCount > 6)
        return fail(ErrorCode::Unsupported,
                    fmt::format("the upsampler has {} levels, at most 6 are known", config.levelCount));
    config.normalized = has("model.1.norm.weight");
    const std::string last = *prefix + "upsampler.fixup_proj.1.weight";
    const TensorInfo* info = folder.weights->find(last);
    if (!info || info->shape.size() != 4)
        return fail(ErrorCode::ShapeMismatch, "expected the last layer as [C, C, 1, 1]", last);
    config.featureWidth = info->shape[0];
    ConfigReader reader(folder.config, "config.json");
    config.patchSize = reader.count("patch_size", 0, 0, 1024);
    VITRINE_TRY_VOID(reader.finish());
    return config;
}

}  // namespace vitrine::featup
