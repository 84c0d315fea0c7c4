// Plain definitions that the compression kernels are held against.
#pragma once

#include <ATen/ATen.h>

#include <array>

namespace vitrine::kernels {

inline const std::array<std::array<int, 4>, 6> kPatternTable{
    {{1, 1, 0, 0}, {1, 0, 1, 0}, {1, 0, 0, 1}, {0, 1, 1, 0}, {0, 1, 0, 1}, {0, 0, 1, 1}}};

// (6, 4) float64.
inline at::Tensor patternMatrix() {
    auto table = at::empty({6, 4}, at::kDouble);
    for (int64_t pattern = 0; pattern < 6; ++pattern)
        for (int64_t column = 0; column < 4; ++column)
            table[pattern][column] = kPatternTable[size_t(pattern)][size_t(column)];
    return table;
}

// Best of six by stable sorting: (..., columns) -> mask of the same shape, float64.
inline at::Tensor plainMask24(const at::Tensor& scores) {
    const auto groups = scores.reshape({-1, 4});
    const auto order = std::get<1>(at::sort(groups, true, -1, true));
    return at::zeros_like(groups, at::kDouble).scatter(1, order.slice(1, 0, 2), 1).reshape(scores.sizes());
}

// Philox-4x32-7, one block.
inline std::array<uint32_t, 4> plainPhilox(uint64_t seed, uint64_t group, uint32_t draw) {
    std::array<uint32_t, 4> c{uint32_t(group), uint32_t(group >> 32), draw, 0};
    uint32_t key0 = uint32_t(seed), key1 = uint32_t(seed >> 32);
    for (int round = 0; round < 7; ++round) {
        const uint64_t first = uint64_t(c[0]) * 0xD2511F53u, second = uint64_t(c[2]) * 0xCD9E8D57u;
        c = {uint32_t(second >> 32) ^ c[1] ^ key0, uint32_t(second), uint32_t(first >> 32) ^ c[3] ^ key1,
             uint32_t(first)};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}

// Gumbel noise (groups, candidates) of a seed.
inline at::Tensor plainGumbel(uint64_t seed, int64_t groups, int64_t candidates) {
    auto noise = at::empty({groups, candidates}, at::kDouble);
    for (int64_t group = 0; group < groups; ++group)
        for (int64_t k = 0; k < candidates; ++k) {
            const double u =
                (plainPhilox(seed, uint64_t(group), uint32_t(k / 4))[size_t(k % 4)] + 0.5) * 0x1p-32;
            noise.data_ptr<double>()[group * candidates + k] =
                -std::log(-std::log(std::min(std::max(u, 1e-10), 1 - 1e-7)));
        }
    return noise;
}

}  // namespace vitrine::kernels
