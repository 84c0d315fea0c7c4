// Colour maps of scalar values: perceptual ones (viridis, magma, cividis), turbo, grey, and coolwarm for
// values with a meaningful middle. 256 entries each.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

enum class ColorMap { Viridis, Magma, Turbo, Cividis, Grey, Coolwarm };

struct Rgb8 {
    uint8_t r = 0, g = 0, b = 0;
    bool operator==(const Rgb8&) const = default;
};

using ColorTable = std::array<Rgb8, 256>;

const std::vector<ColorMap>& allColorMaps();
// "viridis"; the inverse falls back to viridis for an unknown name.
std::string colorMapName(ColorMap map);
ColorMap colorMapFromName(std::string_view name);

const ColorTable& colorTable(ColorMap map);
// Colour of `value` in [low, high]; outside values take the end colours, NaN a neutral dark grey.
Rgb8 colorOf(ColorMap map, double value, double low, double high);
// Distinct colours for labels 0, 1, 2, ...: hues a golden angle apart.
Rgb8 labelColor(int64_t label);

}  // namespace vitrine
