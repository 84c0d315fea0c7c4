#include "core/claims/fixed_pattern.h"

namespace vitrine {

at::Tensor withoutMeanOverPlaces(const at::Tensor& map) {
    return map - map.mean({2, 3}, true);
}

double shareOfFixedPattern(const at::Tensor& differences, const at::Tensor& planted) {
    const auto energy = [](const at::Tensor& map) { return withoutMeanOverPlaces(map).square().mean(); };
    return (energy(differences.mean({0}, true)) / energy(planted)).item<double>();
}

}  // namespace vitrine
