// One block of columns of the sweep (column_sweep.h), all rows: plain arrays, vectorised, threaded.
#pragma once

#include "kernels/low_bit/low_bit.h"

#include <cstdint>

namespace vitrine {

struct SweepBlock {
    static constexpr int64_t kMostColumns = 128;

    float* weight;  // (rows, stride), at the first column of the block; swept in place
    int64_t rows, stride, columns;
    const float* factor;    // (columns, kMostColumns): rows of R right of the diagonal, zeros elsewhere
    const float* diagonal;  // (columns) of R
    float* errors;          // (rows, columns): e
    // Sparsity: what stays, uint8 (rows, stride) at the block; null: all. Chosen here where m > 0: the n
    // largest of (w / R_jj)² in every m columns, when the sweep comes to them.
    uint8_t* mask;
    int64_t n, m;
    // Quantisation, where `scales` is not null: scales and zeros (rows, groups), the group of each column.
    const float* scales;
    const float* zeros;
    const int32_t* groupOfColumn;
    int64_t groups;
    kernels::LowBitFormat format;
    int bits;
    float tensorScale;
};

void sweepBlock(const SweepBlock& block);

}  // namespace vitrine
