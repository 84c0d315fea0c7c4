#include "app/desktop/teachers/cloud_style.h"

#include <array>

namespace vitrine {
namespace {

// The two values of each key; the first is 0.
struct Choice {
    const char* key;
    std::array<const char*, 2> names;
};
constexpr Choice kColors{"colors", {"picture", "norm"}}, kAxes{"axes", {"directions", "channels"}},
    kScale{"scale", {"same", "own"}};

Result<int> chosen(const Json& json, const Choice& choice, int before) {
    if (!json.contains(choice.key))
        return before;
    for (int index = 0; index < 2; ++index)
        if (json[choice.key] == choice.names[size_t(index)])
            return index;
    return fail(ErrorCode::InvalidArgument, fmt::format("{} is neither of the two", json[choice.key].dump()),
                choice.key, fmt::format("Give {} or {}", choice.names[0], choice.names[1]));
}

}  // namespace

Json cloudStyleToJson(const FeatureCloudStyle& style) {
    return {{kColors.key, kColors.names[size_t(style.coloring)]},
            {kAxes.key, kAxes.names[size_t(style.axes)]},
            {kScale.key, kScale.names[style.ownScale ? 1 : 0]}};
}

Result<FeatureCloudStyle> cloudStyleFromJson(const Json& json, FeatureCloudStyle style) {
    VITRINE_TRY(const int colors, chosen(json, kColors, int(style.coloring)));
    VITRINE_TRY(const int axes, chosen(json, kAxes, int(style.axes)));
    VITRINE_TRY(const int scale, chosen(json, kScale, style.ownScale ? 1 : 0));
    return FeatureCloudStyle{FeatureCloudColoring(colors), CloudAxes(axes), scale == 1};
}

}  // namespace vitrine
