// The two 8-bit floating formats (Micikevicius et al. 2022, "FP8 formats for deep learning") and quantisation
// with scales.
//   E4M3: bias 7, largest value 448, no infinity, NaN is S.1111.111
//   E5M2: bias 15, largest value 57344, infinity and NaN as in IEEE 754
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vitrine {

enum class Fp8Format { E4M3, E5M2 };

// Largest finite value.
float fp8Max(Fp8Format format);
float fp8Decode(Fp8Format format, uint8_t code);
// Rounds to nearest, ties to even. Too large values become NaN (E4M3) or infinity (E5M2); with `saturate`
// they, and infinities, become the largest finite value of their sign. NaN stays NaN.
uint8_t fp8Encode(Fp8Format format, float value, bool saturate);

// One scale for the whole matrix, for each row, or for each 32 neighbours in a row (the last block may be
// shorter).
enum class Fp8Scaling { Tensor, Row, Block32 };

struct Fp8Matrix {
    size_t rows = 0, columns = 0;
    Fp8Format format = Fp8Format::E4M3;
    Fp8Scaling scaling = Fp8Scaling::Tensor;
    std::vector<uint8_t> codes;  // rows x columns
    std::vector<float> scales;   // 1, rows, or rows x blocks; value = decode(code) * scale
};

// Scale = largest absolute value / fp8Max, or 1 where all values are 0. `values` holds rows x columns floats.
Fp8Matrix fp8Quantize(Fp8Format format, Fp8Scaling scaling, std::span<const float> values, size_t rows,
                      size_t columns);
std::vector<float> fp8Dequantize(const Fp8Matrix& matrix);

// Microscaling E4M3 (OCP MX 1.0): blocks of 32 with the power of two 2^(exponent - 127) as scale.
struct MxFp8Matrix {
    std::vector<uint8_t> codes;      // rows x columns
    std::vector<uint8_t> exponents;  // rows x blocks, E8M0: floor(log2(largest)) - 8 + 127
};
MxFp8Matrix mxfp8Quantize(std::span<const float> values, size_t rows, size_t columns);

}  // namespace vitrine
