#include "core/distill/student_sizes.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr size_t kLevels = 4;
constexpr size_t kFirstAttentionLevel = 2;

int64_t convolution(int64_t in, int64_t out, int64_t kernel, bool bias) {
    return in * out * kernel * kernel + (bias ? out : 0);
}
int64_t linear(int64_t in, int64_t out, bool bias) {
    return in * out + (bias ? out : 0);
}
int64_t norm(int64_t width) {
    return 2 * width;
}
int64_t convolutionNorm(int64_t in, int64_t out, int64_t kernel) {
    return convolution(in, out, kernel, false) + norm(out);
}
// A 3x3 convolution each; `normed`: followed by batch normalisation.
int64_t downsampling(int64_t width, bool normed) {
    return convolution(width, 2 * width, 3, false) + (normed ? norm(2 * width) : 0);
}

struct Levels {
    int64_t width = 0;
    std::vector<int64_t> depths;
};

// A whole number of a sensible size.
std::optional<int64_t> countOf(const Json& value) {
    constexpr int64_t kLargest = 1 << 16;
    if (!value.is_number_integer() || value < 0 || value > kLargest)
        return std::nullopt;
    return value.get<int64_t>();
}

std::optional<int64_t> countAt(const Json& object, const char* key) {
    return object.contains(key) ? countOf(object[key]) : std::nullopt;
}

// As named or written out; none where the recipe does not say.
std::optional<Levels> levelsOf(const Json& student, const std::string& trunk) {
    const Json variant = student.value("variant", Json("T"));
    if (variant != "own") {
        for (const NamedStudentSize& size : namedStudentSizes(trunk))
            if (variant == size.name)
                return Levels{size.width, size.depths};
        return std::nullopt;
    }
    const std::optional<int64_t> width = countAt(student, "width");
    if (!width || !student.contains("depths") || !student["depths"].is_array() ||
        student["depths"].size() != kLevels)
        return std::nullopt;
    Levels levels{*width, {}};
    for (const Json& each : student["depths"]) {
        const std::optional<int64_t> depth = countOf(each);
        if (!depth)
            return std::nullopt;
        levels.depths.push_back(*depth);
    }
    return levels;
}

// RadioModule: pre-norm blocks of an MLP of four times the width, no final norm.
int64_t vitParameters(int64_t width, int64_t depth, int64_t patch, int64_t grid, int64_t prefix) {
    const int64_t attention = linear(width, 3 * width, true) + linear(width, width, true);
    const int64_t mlp = linear(width, 4 * width, true) + linear(4 * width, width, true);
    return 3 * patch * patch * width + (grid * grid + prefix) * width +
           depth * (2 * norm(width) + attention + mlp);
}

// EradioModule as eradioStudent() configures it.
int64_t eradioParameters(const Levels& levels) {
    constexpr int64_t kBiasHidden = 512, kStem = 64, kHeads = 2;
    const int64_t stem = std::min(kStem, levels.width), neck = levels.width << (kLevels - 1);
    int64_t sum = convolutionNorm(3, stem, 3) + convolutionNorm(stem, levels.width, 3);
    for (size_t i = 0; i < kLevels; ++i) {
        const int64_t width = levels.width << i, half = width / 2, depth = levels.depths[i];
        if (i < kFirstAttentionLevel) {
            sum += convolutionNorm(width, 2 * half, 1) + convolutionNorm((2 + depth) * half, width, 1) +
                   2 * depth * convolutionNorm(half, half, 3);
        } else {
            const int64_t bias = linear(2, kBiasHidden, true) + linear(kBiasHidden, kHeads << i, false);
            const int64_t rest = 2 * norm(width) + linear(width, 4 * width, false) + bias +
                                 2 * linear(width, 4 * width, false);
            // Two strided convolutions around attention on a map of half the size, or one before it.
            const int64_t halved = 2 * convolution(width, width, 2, true) + rest;
            const int64_t whole = convolutionNorm(width, width, 3) + rest;
            sum += depth * (i + 1 < kLevels ? halved + whole : whole);
            sum += convolution(1, width, 3, true) + norm(width) + convolution(width, neck, 1, true);
        }
        if (i + 1 < kLevels)
            sum += downsampling(width, true);
    }
    return sum + norm(neck);
}

// A token block of MambaVision with Mamba's mixer or attention in it.
int64_t tokenBlock(int64_t width, bool attention, bool layerScale) {
    constexpr int64_t kStates = 8, kTaps = 3;
    const int64_t half = width / 2, rank = (width + 15) / 16;
    const int64_t mixer = attention
                              ? linear(width, 3 * width, true) + linear(width, width, true)
                              : 2 * linear(width, width, false) + linear(half, rank + 2 * kStates, false) +
                                    linear(rank, half, true) + half * kStates + half + 2 * half * kTaps;
    return 2 * norm(width) + mixer + linear(width, 4 * width, true) + linear(4 * width, width, true) +
           (layerScale ? 2 * width : 0);
}

// MambaVisionNetwork as mambaVisionStudent() configures it.
int64_t mambaVisionParameters(const Levels& levels) {
    const int64_t stem = levels.width > 80 ? 64 : std::min<int64_t>(32, levels.width);
    int64_t sum = convolutionNorm(3, stem, 3) + convolutionNorm(stem, levels.width, 3);
    for (size_t i = 0; i < kLevels; ++i) {
        const int64_t width = levels.width << i, depth = levels.depths[i], mixers = (depth + 1) / 2;
        if (i < kFirstAttentionLevel)
            sum += 2 * depth * (convolution(width, width, 3, true) + norm(width));
        else
            sum += mixers * tokenBlock(width, false, levels.width > 96) +
                   (depth - mixers) * tokenBlock(width, true, levels.width > 96);
        if (i + 1 < kLevels)
            sum += downsampling(width, false);
    }
    return sum + norm(levels.width << (kLevels - 1));
}

}  // namespace

const std::vector<NamedStudentSize>& namedStudentSizes(const std::string& trunk) {
    static const std::vector<NamedStudentSize> none, eradios{{"tiny", 32, {1, 3, 4, 5}},
                                                             {"XT", 64, {1, 3, 4, 5}},
                                                             {"T", 80, {1, 3, 4, 5}},
                                                             {"L", 192, {3, 3, 5, 5}}};
    static const std::vector<NamedStudentSize> mambaVisions{
        {"tiny", 16, {1, 1, 4, 2}}, {"T", 80, {1, 3, 8, 4}},   {"T2", 80, {1, 3, 11, 4}},
        {"S", 96, {3, 3, 7, 5}},    {"B", 128, {3, 3, 10, 5}}, {"L", 196, {3, 3, 10, 5}},
        {"L2", 196, {3, 3, 12, 5}}};
    return trunk == "eradio" ? eradios : trunk == "mambavision" ? mambaVisions : none;
}

std::optional<int64_t> studentParameters(const Json& student, int64_t teacherCount) {
    if (!student.is_object())
        return std::nullopt;
    const Json named = student.value("trunk", Json("vit"));
    const std::string trunk = named.is_string() ? named.get<std::string>() : std::string();
    if (trunk == "eradio" || trunk == "mambavision") {
        const std::optional<Levels> levels = levelsOf(student, trunk);
        if (!levels)
            return std::nullopt;
        return trunk == "eradio" ? eradioParameters(*levels) : mambaVisionParameters(*levels);
    }
    if (trunk != "vit")
        return std::nullopt;
    const auto width = countAt(student, "width"), depth = countAt(student, "depth"),
               patch = countAt(student, "patch_size"), grid = countAt(student, "position_grid"),
               registers = countAt(student, "registers");
    if (!width || !depth || !patch || !grid || !registers)
        return std::nullopt;
    return vitParameters(*width, *depth, *patch, *grid, std::max<int64_t>(1, teacherCount) + *registers);
}

}  // namespace vitrine
