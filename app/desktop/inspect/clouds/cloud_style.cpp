#include "app/desktop/inspect/clouds/cloud_style.h"

#include <algorithm>

namespace vitrine {
namespace {

double number(const Json& json, const char* key, double fallback, double low, double high) {
    return json.contains(key) && json[key].is_number() ? std::clamp(json[key].get<double>(), low, high)
                                                       : fallback;
}

std::string text(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}

bool flag(const Json& json, const char* key, bool fallback) {
    return json.contains(key) && json[key].is_boolean() ? json[key].get<bool>() : fallback;
}

}  // namespace

Json CloudStyle::toJson() const {
    return {{"coloring", coloring ? cloudColoringName(*coloring) : "auto"},
            {"colorMap", colorMapName(colorMap)},
            {"clip", clipPercent},
            {"pointSize", pointSize},
            {"up", up ? upAxisName(*up) : "auto"},
            {"grid", grid},
            {"boxes", boxes}};
}

CloudStyle CloudStyle::fromJson(const Json& json) {
    CloudStyle style;
    if (!json.is_object())
        return style;
    style.coloring = cloudColoringFromName(text(json, "coloring"));
    if (const std::string map = text(json, "colorMap"); !map.empty())
        style.colorMap = colorMapFromName(map);
    style.clipPercent = number(json, "clip", style.clipPercent, 0, 49);
    style.pointSize = number(json, "pointSize", style.pointSize, 1, 20);
    if (const std::string up = text(json, "up"); !up.empty() && up != "auto")
        style.up = upAxisFromName(up);
    style.grid = flag(json, "grid", style.grid);
    style.boxes = flag(json, "boxes", style.boxes);
    return style;
}

CloudColorOptions CloudStyle::optionsFor(const PointCloud& cloud) const {
    const std::vector<CloudColoring> possible = coloringsOf(cloud);
    const bool fits = coloring && std::find(possible.begin(), possible.end(), *coloring) != possible.end();
    return {fits ? *coloring : possible.front(), colorMap, clipPercent, upFor(cloud)};
}

UpAxis CloudStyle::upFor(const PointCloud& cloud) const {
    return up.value_or(likelyUpAxis(cloud));
}

const char* coloringTitle(CloudColoring coloring) {
    static const char* const titles[] = {"Own colours", "Picture", "Height", "Distance", "Intensity"};
    return titles[size_t(coloring)];
}

}  // namespace vitrine
