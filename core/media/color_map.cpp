#include "core/media/color_map.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// 33 evenly spaced colours of each map as published by matplotlib (viridis, magma: CC0; cividis, after Nuñez
// et al. 2018; turbo, after Mikhailov 2019; coolwarm, after Moreland 2009); between them colours are
// interpolated.
constexpr std::array<uint32_t, 33> kViridis = {
    0x440154, 0x470d60, 0x48186a, 0x482374, 0x472d7b, 0x453781, 0x424086, 0x3e4989, 0x3b528b,
    0x375b8d, 0x33638d, 0x2f6b8e, 0x2c728e, 0x297a8e, 0x26828e, 0x23898e, 0x21918c, 0x1f988b,
    0x1fa088, 0x22a785, 0x28ae80, 0x32b67a, 0x3fbc73, 0x4ec36b, 0x5ec962, 0x70cf57, 0x84d44b,
    0x98d83e, 0xaddc30, 0xc2df23, 0xd8e219, 0xece51b, 0xfde725,
};
constexpr std::array<uint32_t, 33> kMagma = {
    0x000004, 0x030312, 0x0a0822, 0x130d34, 0x1d1147, 0x29115a, 0x36106b, 0x440f76, 0x51127c,
    0x5d177f, 0x6a1c81, 0x762181, 0x832681, 0x902a81, 0x9c2e7f, 0xaa337d, 0xb73779, 0xc43c75,
    0xd0416f, 0xdc4869, 0xe75263, 0xef5d5e, 0xf56b5c, 0xf9795d, 0xfc8961, 0xfd9869, 0xfea772,
    0xfeb67c, 0xfec488, 0xfed395, 0xfde2a3, 0xfcf0b2, 0xfcfdbf,
};
constexpr std::array<uint32_t, 33> kTurbo = {
    0x30123b, 0x392a73, 0x4040a2, 0x4456c7, 0x466be3, 0x4680f6, 0x4294ff, 0x37a8fa, 0x28bceb,
    0x1ccdd8, 0x18ddc2, 0x1fe9af, 0x32f298, 0x4ef97d, 0x6dfe62, 0x8bff4b, 0xa4fc3c, 0xb9f635,
    0xcdec34, 0xdfdf37, 0xeecf3a, 0xf8be39, 0xfdac34, 0xfe962b, 0xfb7e21, 0xf46617, 0xeb500e,
    0xdf3f08, 0xd02f05, 0xbe2102, 0xa91601, 0x920b01, 0x7a0403,
};
constexpr std::array<uint32_t, 33> kCividis = {
    0x00224e, 0x00285b, 0x002e6a, 0x053371, 0x1a386f, 0x273e6e, 0x32436d, 0x3b496c, 0x434e6c,
    0x4b546c, 0x535a6d, 0x5a5f6e, 0x61656f, 0x686a71, 0x6f7073, 0x767676, 0x7d7c78, 0x848279,
    0x8c8878, 0x938e78, 0x9b9476, 0xa39a74, 0xaba072, 0xb4a76f, 0xbcae6c, 0xc4b468, 0xcdbb63,
    0xd5c25e, 0xdec958, 0xe7d150, 0xf0d846, 0xf9e03a, 0xfee838,
};
constexpr std::array<uint32_t, 33> kCoolwarm = {
    0x3b4cc0, 0x445acc, 0x4e68d8, 0x5875e1, 0x6282ea, 0x6c8ff1, 0x779af7, 0x82a6fb, 0x8db0fe,
    0x98b9ff, 0xa3c2fe, 0xaec9fc, 0xb9d0f9, 0xc3d5f4, 0xccd9ed, 0xd5dbe5, 0xdddcdc, 0xe5d8d1,
    0xecd3c5, 0xf1ccb8, 0xf5c4ac, 0xf7ba9f, 0xf7b093, 0xf6a586, 0xf4987a, 0xf08b6e, 0xeb7d62,
    0xe46e56, 0xdd5f4b, 0xd44e41, 0xca3b37, 0xbe242e, 0xb40426,
};

ColorTable interpolated(const std::array<uint32_t, 33>& anchors) {
    ColorTable table;
    for (size_t index = 0; index < table.size(); ++index) {
        const double position = double(index) / 255.0 * 32.0;
        const size_t left = std::min<size_t>(size_t(position), 31);
        const double share = position - double(left);
        const auto channel = [&](int shift) {
            const double a = (anchors[left] >> shift) & 255, b = (anchors[left + 1] >> shift) & 255;
            return uint8_t(std::lround(a + (b - a) * share));
        };
        table[index] = {channel(16), channel(8), channel(0)};
    }
    return table;
}

ColorTable greyTable() {
    ColorTable table;
    for (size_t index = 0; index < table.size(); ++index)
        table[index] = {uint8_t(index), uint8_t(index), uint8_t(index)};
    return table;
}

}  // namespace

const std::vector<ColorMap>& allColorMaps() {
    static const std::vector<ColorMap> maps{ColorMap::Viridis, ColorMap::Magma, ColorMap::Turbo,
                                            ColorMap::Cividis, ColorMap::Grey,  ColorMap::Coolwarm};
    return maps;
}

std::string colorMapName(ColorMap map) {
    switch (map) {
        case ColorMap::Viridis:
            return "viridis";
        case ColorMap::Magma:
            return "magma";
        case ColorMap::Turbo:
            return "turbo";
        case ColorMap::Cividis:
            return "cividis";
        case ColorMap::Grey:
            return "grey";
        case ColorMap::Coolwarm:
            return "coolwarm";
    }
    return "viridis";
}

ColorMap colorMapFromName(std::string_view name) {
    for (const ColorMap map : allColorMaps())
        if (colorMapName(map) == name)
            return map;
    return ColorMap::Viridis;
}

const ColorTable& colorTable(ColorMap map) {
    static const std::array<ColorTable, 6> tables{
        interpolated(kViridis), interpolated(kMagma), interpolated(kTurbo),
        interpolated(kCividis), greyTable(),          interpolated(kCoolwarm)};
    return tables[size_t(map)];
}

Rgb8 colorOf(ColorMap map, double value, double low, double high) {
    if (std::isnan(value))
        return {48, 48, 52};
    const double share = high > low ? (value - low) / (high - low) : value >= high ? 1.0 : 0.0;
    return colorTable(map)[size_t(std::lround(std::clamp(share, 0.0, 1.0) * 255.0))];
}

Rgb8 labelColor(int64_t label) {
    const double hue = std::fmod(0.58 + double(label) * 0.61803398875, 1.0) * 6;
    const double value = label % 2 ? 0.72 : 0.92, saturation = 0.62;
    const double c = saturation * value, x = c * (1 - std::abs(std::fmod(hue, 2.0) - 1)), m = value - c;
    const double rgb[6][3] = {{c, x, 0}, {x, c, 0}, {0, c, x}, {0, x, c}, {x, 0, c}, {c, 0, x}};
    const auto byte = [&](int channel) { return uint8_t(255 * (rgb[int(hue) % 6][channel] + m) + 0.5); };
    return {byte(0), byte(1), byte(2)};
}

}  // namespace vitrine
