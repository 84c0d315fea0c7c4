#include "core/models/sam/sine_positions.h"

#include <numbers>

namespace vitrine::sam {
namespace {

constexpr double kTemperature = 10000, kEpsilon = 1e-6;

// Coordinates 1..length scaled to (0, 2π]: (length, features).
at::Tensor sinesOfAxis(int64_t length, int64_t features, const at::TensorOptions& options) {
    return sinesOf(at::arange(1, length + 1, options) / (double(length) + kEpsilon) * (2 * std::numbers::pi),
                   features);
}

}  // namespace

at::Tensor sinesOf(const at::Tensor& angles, int64_t features) {
    const at::Tensor exponent = at::arange(features / 2, angles.options()) * (2.0 / double(features));
    const at::Tensor turned = angles.unsqueeze(-1) / at::pow(at::Scalar(kTemperature), exponent);
    return at::stack({turned.sin(), turned.cos()}, -1).flatten(-2);
}

at::Tensor sinePositions(const at::Tensor& map) {
    const int64_t half = map.size(1) / 2, height = map.size(2), width = map.size(3);
    const auto options = map.options().dtype(at::kFloat);
    const at::Tensor y = sinesOfAxis(height, half, options).t().reshape({1, half, height, 1});
    const at::Tensor x = sinesOfAxis(width, half, options).t().reshape({1, half, 1, width});
    const std::vector<int64_t> shape{map.size(0), half, height, width};
    return at::cat({y.expand(shape), x.expand(shape)}, 1).to(map.scalar_type());
}

}  // namespace vitrine::sam
