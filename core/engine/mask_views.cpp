#include "core/engine/mask_views.h"

#include "core/compress/sparsity.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <mutex>

namespace vitrine {
namespace {

constexpr int64_t kRowsAtOnce = 16;
constexpr uint64_t kRandomSeed = 0;

struct Sums {
    double energy = 0, kept = 0, otherKept = 0;
    int64_t keptCount = 0, otherCount = 0, flipped = 0, otherwise = 0;
    std::array<int64_t, 6> patterns{}, otherPatterns{};

    void add(const Sums& more) {
        energy += more.energy;
        kept += more.kept;
        otherKept += more.otherKept;
        keptCount += more.keptCount;
        otherCount += more.otherCount;
        flipped += more.flipped;
        otherwise += more.otherwise;
        for (size_t i = 0; i < patterns.size(); ++i) {
            patterns[i] += more.patterns[i];
            otherPatterns[i] += more.otherPatterns[i];
        }
    }
};

Sums sumsOfRow(const MaskedMatrix& matrix, int64_t row) {
    Sums sums;
    const float* weights = matrix.weights + row * matrix.columns;
    const uint8_t* mask = matrix.mask + row * matrix.columns;
    const uint8_t* other = matrix.other ? matrix.other + row * matrix.columns : nullptr;
    for (int64_t column = 0; column < matrix.columns; ++column) {
        const double energy = double(weights[column]) * double(weights[column]);
        sums.energy += energy;
        sums.kept += mask[column] ? energy : 0;
        sums.keptCount += mask[column] != 0;
        if (other) {
            sums.otherKept += other[column] ? energy : 0;
            sums.otherCount += other[column] != 0;
            sums.flipped += (mask[column] != 0) != (other[column] != 0);
        }
    }
    for (int64_t group = 0; group < matrix.groups(); ++group) {
        const int number = patternNumber(matrix.groupBits(matrix.mask, row, group));
        number < 0 ? void(++sums.otherwise) : void(++sums.patterns[size_t(number)]);
        if (other)
            if (const int its = patternNumber(matrix.groupBits(matrix.other, row, group)); its >= 0)
                ++sums.otherPatterns[size_t(its)];
    }
    return sums;
}

MaskFacts factsOf(const MaskedMatrix& matrix) {
    Sums sums;
    std::mutex guard;
    at::parallel_for(0, matrix.rows, kRowsAtOnce, [&](int64_t first, int64_t last) {
        Sums own;
        for (int64_t row = first; row < last; ++row)
            own.add(sumsOfRow(matrix, row));
        const std::lock_guard lock(guard);
        sums.add(own);
    });
    MaskFacts facts;
    const double count = std::max(1.0, double(matrix.rows) * double(matrix.columns));
    facts.keptPart = double(sums.keptCount) / count;
    facts.energyKept = sums.energy > 0 ? sums.kept / sums.energy : 1;
    if (matrix.other) {
        facts.otherKeptPart = double(sums.otherCount) / count;
        facts.otherEnergyKept = sums.energy > 0 ? sums.otherKept / sums.energy : 1;
        facts.flippedPart = double(sums.flipped) / count;
    }
    facts.patterns = sums.patterns;
    facts.otherPatterns = sums.otherPatterns;
    facts.groups = matrix.rows * matrix.groups();
    facts.otherwise = sums.otherwise;
    return facts;
}

// Grey for groups that keep another number than two: the more, the lighter.
MaskColor groupColor(unsigned bits) {
    if (const int number = patternNumber(bits); number >= 0)
        return kPatternColors[size_t(number)];
    const auto grey = uint8_t(30 + 50 * std::popcount(bits));
    return {grey, grey, grey};
}

void put(uint8_t* pixel, MaskColor color) {
    pixel[0] = color.r;
    pixel[1] = color.g;
    pixel[2] = color.b;
}

// One pixel a group of four.
std::shared_ptr<const Image> patternPicture(const MaskedMatrix& matrix) {
    auto picture = std::make_shared<Image>(ImageSize{matrix.groups(), matrix.rows}, 3, SampleType::U8);
    std::array<MaskColor, 16> colors;
    for (unsigned bits = 0; bits < 16; ++bits)
        colors[bits] = groupColor(bits);
    at::parallel_for(0, matrix.rows, kRowsAtOnce, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
            auto* pixels = picture->row<uint8_t>(row);
            for (int64_t group = 0; group < matrix.groups(); ++group)
                put(pixels + 3 * group, colors[matrix.groupBits(matrix.mask, row, group)]);
        }
    });
    return picture;
}

// One pixel a weight.
std::shared_ptr<const Image> differencePicture(const MaskedMatrix& matrix) {
    auto picture = std::make_shared<Image>(ImageSize{matrix.columns, matrix.rows}, 3, SampleType::U8);
    at::parallel_for(0, matrix.rows, kRowsAtOnce, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
            auto* pixels = picture->row<uint8_t>(row);
            const uint8_t* mask = matrix.mask + row * matrix.columns;
            const uint8_t* other = matrix.other ? matrix.other + row * matrix.columns : mask;
            for (int64_t column = 0; column < matrix.columns; ++column)
                put(pixels + 3 * column, mask[column] && other[column] ? kStayColor
                                         : mask[column]                ? kComesColor
                                         : other[column]               ? kGoesColor
                                                                       : kGoneColor);
        }
    });
    return picture;
}

// Sizes of the weights that are asked for, 0 for the others: reduced to an overview they say where the energy
// lies.
std::shared_ptr<const Image> valuePicture(const MaskedMatrix& matrix, MaskColors colors) {
    auto picture = std::make_shared<Image>(ImageSize{matrix.columns, matrix.rows}, 1, SampleType::F32);
    at::parallel_for(0, matrix.rows, kRowsAtOnce, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
            auto* pixels = picture->row<float>(row);
            const float* weights = matrix.weights + row * matrix.columns;
            const uint8_t* mask = matrix.mask + row * matrix.columns;
            for (int64_t column = 0; column < matrix.columns; ++column) {
                const bool shown =
                    colors == MaskColors::Weights || (mask[column] != 0) == (colors == MaskColors::Kept);
                pixels[column] = shown ? std::abs(weights[column]) : 0;
            }
        }
    });
    return picture;
}

}  // namespace

Result<at::Tensor> maskFrom(const MaskSource& source, const std::string& tensor, const at::Tensor& weight,
                            const MaskSet* masks) {
    if (source.kind == MaskSource::Kind::None)
        return at::Tensor();
    if (source.kind == MaskSource::Kind::Nonzero)
        return (weight != 0).to(at::kByte);
    if (source.kind == MaskSource::Kind::File) {
        VITRINE_TRY(const auto mask, masks->mask(tensor));
        if (mask.sizes() != weight.sizes())
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("the mask is [{}], the weight [{}]", fmt::join(mask.sizes(), ", "),
                                    fmt::join(weight.sizes(), ", ")),
                        tensor, "These masks belong to another model");
        return mask;
    }
    VITRINE_TRY(const auto pattern, SparsityPattern::fromText(source.pattern));
    VITRINE_TRY_VOID(pattern.checkFits(weight.sizes()));
    return source.kind == MaskSource::Kind::Magnitude ? magnitudeMask(weight, pattern)
                                                      : randomMask(weight.sizes(), pattern, kRandomSeed);
}

MaskView makeMaskView(const MaskRequest& request, const at::Tensor& weight, const at::Tensor& mask,
                      const at::Tensor& other) {
    struct Held {
        at::Tensor weight, mask, other;
    };
    auto held = std::make_shared<Held>(Held{weight, mask, other});
    MaskView view;
    view.request = request;
    view.matrix = {weight.size(0),
                   weight.size(1),
                   weight.const_data_ptr<float>(),
                   mask.const_data_ptr<uint8_t>(),
                   other.defined() ? other.const_data_ptr<uint8_t>() : nullptr,
                   held};
    view.facts = factsOf(view.matrix);
    switch (request.colors) {
        case MaskColors::Patterns:
            view.picture = patternPicture(view.matrix);
            break;
        case MaskColors::Difference:
            view.picture = differencePicture(view.matrix);
            break;
        default:
            view.picture = valuePicture(view.matrix, request.colors);
            view.scalar = true;
    }
    const ValueRange range =
        ValueDistribution(std::span(view.matrix.weights, size_t(weight.numel()))).range(1);
    const double most = std::max(std::abs(range.low), std::abs(range.high));
    view.range = {0, most > 0 ? most : 1};
    return view;
}

}  // namespace vitrine
