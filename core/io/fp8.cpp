#include "core/io/fp8.h"

#include "core/base/check.h"
#include "kernels/low_bit/low_bit_numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr size_t kBlock = 32;

kernels::Fp8Layout layoutOf(Fp8Format format) {
    using kernels::LowBitFormat;
    return kernels::fp8Layout(format == Fp8Format::E4M3 ? LowBitFormat::E4M3 : LowBitFormat::E5M2);
}

std::array<float, 256> makeTable(Fp8Format format) {
    const kernels::Fp8Layout layout = layoutOf(format);
    std::array<float, 256> table;
    for (uint32_t code = 0; code < 256; ++code)
        table[code] = kernels::fp8Value(code, layout.mantissaBits, layout.bias);
    return table;
}

float largestOf(std::span<const float> values) {
    float largest = 0;
    for (const float value : values)
        largest = std::max(largest, std::abs(value));
    return largest;
}

}  // namespace

float fp8Max(Fp8Format format) {
    return layoutOf(format).largest;
}

float fp8Decode(Fp8Format format, uint8_t code) {
    static const auto e4m3 = makeTable(Fp8Format::E4M3), e5m2 = makeTable(Fp8Format::E5M2);
    return (format == Fp8Format::E4M3 ? e4m3 : e5m2)[code];
}

uint8_t fp8Encode(Fp8Format format, float value, bool saturate) {
    const kernels::Fp8Layout layout = layoutOf(format);
    const uint8_t sign = std::signbit(value) ? 0x80 : 0;
    if (std::isnan(value))
        return sign | 0x7f;
    float magnitude = std::abs(value);
    if (saturate)
        magnitude = std::min(magnitude, layout.largest);
    const uint32_t overflow = format == Fp8Format::E4M3 ? 0x7f : 0x7c;
    return sign | uint8_t(std::min(kernels::fp8Code(magnitude, layout.mantissaBits, layout.bias), overflow));
}

namespace {

// Columns that share a scale.
size_t blockWidth(Fp8Scaling scaling, size_t columns) {
    return scaling == Fp8Scaling::Block32 ? kBlock : std::max<size_t>(columns, 1);
}

size_t scaleIndex(const Fp8Matrix& matrix, size_t row, size_t column) {
    if (matrix.scaling == Fp8Scaling::Tensor)
        return 0;
    const size_t width = blockWidth(matrix.scaling, matrix.columns);
    return row * ((matrix.columns + width - 1) / width) + column / width;
}

}  // namespace

Fp8Matrix fp8Quantize(Fp8Format format, Fp8Scaling scaling, std::span<const float> values, size_t rows,
                      size_t columns) {
    VITRINE_CHECK(values.size() == rows * columns, "values hold rows x columns numbers");
    Fp8Matrix matrix{rows, columns, format, scaling, std::vector<uint8_t>(values.size()), {}};
    const auto addScale = [&](std::span<const float> group) {
        const float largest = largestOf(group);
        matrix.scales.push_back(largest > 0 ? largest / fp8Max(format) : 1.f);
    };
    if (scaling == Fp8Scaling::Tensor)
        addScale(values);
    const size_t width = blockWidth(scaling, columns);
    for (size_t row = 0; row < rows; ++row) {
        for (size_t start = 0; start < columns; start += width) {
            const size_t count = std::min(width, columns - start);
            if (scaling != Fp8Scaling::Tensor)
                addScale(values.subspan(row * columns + start, count));
            const float scale = matrix.scales[scaleIndex(matrix, row, start)];
            for (size_t i = row * columns + start; i < row * columns + start + count; ++i)
                matrix.codes[i] = fp8Encode(format, values[i] / scale, true);
        }
    }
    return matrix;
}

std::vector<float> fp8Dequantize(const Fp8Matrix& matrix) {
    std::vector<float> values(matrix.codes.size());
    for (size_t row = 0; row < matrix.rows; ++row)
        for (size_t column = 0; column < matrix.columns; ++column) {
            const size_t i = row * matrix.columns + column;
            values[i] =
                fp8Decode(matrix.format, matrix.codes[i]) * matrix.scales[scaleIndex(matrix, row, column)];
        }
    return values;
}

MxFp8Matrix mxfp8Quantize(std::span<const float> values, size_t rows, size_t columns) {
    VITRINE_CHECK(values.size() == rows * columns, "values hold rows x columns numbers");
    MxFp8Matrix matrix{std::vector<uint8_t>(values.size()), {}};
    for (size_t row = 0; row < rows; ++row) {
        for (size_t start = 0; start < columns; start += kBlock) {
            const auto block = values.subspan(row * columns + start, std::min(kBlock, columns - start));
            const float largest = std::min(largestOf(block), std::numeric_limits<float>::max());
            // E4M3's largest exponent is 8. A block of zeros takes the smallest scale.
            const int exponent = largest > 0 ? std::clamp(std::ilogb(largest) - 8 + 127, 0, 254) : 0;
            matrix.exponents.push_back(uint8_t(exponent));
            for (size_t i = 0; i < block.size(); ++i)
                matrix.codes[row * columns + start + i] =
                    fp8Encode(Fp8Format::E4M3, std::ldexp(block[i], 127 - exponent), true);
        }
    }
    return matrix;
}

}  // namespace vitrine
