// A weight matrix with one or two masks, as the mask viewer shows it. No LibTorch.
#pragma once

#include "core/media/image.h"
#include "core/media/value_range.h"

#include <array>
#include <filesystem>
#include <memory>
#include <string>

namespace vitrine {

// Where a mask comes from.
struct MaskSource {
    enum class Kind {
        None,
        Nonzero,    // what the stored weights themselves say
        Magnitude,  // what would stay by size alone
        Random,     // the control
        File        // a masks.safetensors file of a compress run
    };
    Kind kind = Kind::None;
    std::filesystem::path file = {};  // File
    std::string pattern = "2:4";      // Magnitude and Random: n:m or a part such as 50%
    bool operator==(const MaskSource&) const = default;
};

enum class MaskColors {
    Patterns,    // groups of four by which two stay (six colours)
    Kept,        // weights that stay, by their size
    Dropped,     // weights that go, by their size
    Weights,     // all, by their size
    Difference,  // to the other mask: what comes, what goes
};

struct MaskRequest {
    std::filesystem::path model;  // folder or file
    std::string tensor;           // public or stored name of a matrix
    MaskSource mask, other;
    MaskColors colors = MaskColors::Patterns;
    bool operator==(const MaskRequest&) const = default;
};

// Row-major, (rows, columns). Bytes of masks are 0 and 1.
struct MaskedMatrix {
    int64_t rows = 0, columns = 0;
    const float* weights = nullptr;
    const uint8_t* mask = nullptr;
    const uint8_t* other = nullptr;  // null: no other mask
    std::shared_ptr<const void> owner;

    // Bit i set: weight 4·group + i of the row stays; columns beyond the last do not.
    unsigned groupBits(const uint8_t* of, int64_t row, int64_t group) const {
        unsigned bits = 0;
        for (int64_t i = 0; i < 4 && 4 * group + i < columns; ++i)
            bits |= unsigned(of[row * columns + 4 * group + i] != 0) << i;
        return bits;
    }
    int64_t groups() const { return (columns + 3) / 4; }
};

// Patterns of a group of four in the order of kernels/sparse24: 1100 1010 1001 0110 0101 0011.
inline constexpr std::array<const char*, 6> kPatternNames{"1100", "1010", "1001", "0110", "0101", "0011"};
// Number of the pattern, or -1 where other than two stay.
inline int patternNumber(unsigned bits) {
    constexpr std::array<int, 16> numbers{-1, -1, -1, 0, -1, 1, 3, -1, -1, 2, 4, -1, 5, -1, -1, -1};
    return numbers[bits & 15];
}

struct MaskFacts {
    double keptPart = 1, energyKept = 1;            // of the weights; of the sum of their squares
    double otherKeptPart = 1, otherEnergyKept = 1;  // of the other mask
    double flippedPart = 0;                         // weights whose place differs between the two
    std::array<int64_t, 6> patterns{}, otherPatterns{};
    int64_t groups = 0, otherwise = 0;  // of four; those that keep more or fewer than two
};

struct MaskView {
    MaskRequest request;
    MaskedMatrix matrix;
    MaskFacts facts;
    std::shared_ptr<const Image> picture;  // of colours, or of one channel of values
    bool scalar = false;
    ValueRange range;  // of sizes: from 0 to nearly the largest
    double milliseconds = 0;
};

// Colour of a pattern, and of what comes and goes between two masks.
struct MaskColor {
    uint8_t r = 0, g = 0, b = 0;
};
// Told apart by colour-blind eyes (Okabe and Ito, 2008).
inline constexpr std::array<MaskColor, 6> kPatternColors{
    {{86, 180, 233}, {230, 159, 0}, {0, 158, 115}, {240, 228, 66}, {0, 114, 178}, {213, 94, 0}}};
inline constexpr MaskColor kStayColor{92, 98, 108}, kGoneColor{28, 31, 36}, kComesColor{86, 180, 233},
    kGoesColor{213, 94, 0};

}  // namespace vitrine
