// Layers and calibrated inputs that the tests of compression share.
#pragma once

#include "core/compress/calibration_statistics.h"

#include <gtest/gtest.h>

namespace vitrine {

// Inputs (tokens, k) whose directions matter unequally, as a trained model's do.
inline at::Tensor unevenInputs(int64_t tokens, int64_t k) {
    const auto spread = at::logspace(0.5, -1.5, k);
    const auto mix = std::get<0>(at::linalg_qr(at::randn({k, k})));
    return (at::randn({tokens, k}) * spread).matmul(mix) + 0.1 * at::randn({k});
}

inline LinearStatistics statisticsOf(const at::Tensor& x) {
    LinearStatistics statistics(x.size(-1));
    const auto added = statistics.add(x);
    EXPECT_TRUE(added) << (added ? "" : added.error().text());
    return statistics;
}

// Mean squared length of x ΔWᵀ over rows of x, measured.
inline double measuredError(const at::Tensor& x, const at::Tensor& difference) {
    return x.to(at::kDouble).matmul(difference.to(at::kDouble).t()).square().sum(1).mean().item<double>();
}

template <typename T>
std::string messageOf(const Result<T>& result) {
    return result ? std::string("no error") : result.error().text();
}

}  // namespace vitrine
