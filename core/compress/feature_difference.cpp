#include "core/compress/feature_difference.h"

namespace vitrine {

at::Tensor cellsOf(const at::Tensor& features) {
    return features.permute({0, 2, 3, 1}).reshape({-1, features.size(1)}).to(at::kCPU, at::kFloat);
}

double relativeSquare(const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).square().sum() / b.square().sum().clamp_min(1e-12)).item<double>();
}

double meanCosine(const at::Tensor& a, const at::Tensor& b) {
    return at::cosine_similarity(a, b, 1, 1e-8).mean().item<double>();
}

}  // namespace vitrine
