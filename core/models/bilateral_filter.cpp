#include "core/models/bilateral_filter.h"

#include "core/nn/functional.h"
#include "kernels/operators.h"

#include <algorithm>

namespace vitrine {
namespace {

// Elements of an enlarged group of channels.
constexpr int64_t kChunkElements = int64_t(1) << 22;

}  // namespace

at::Tensor bilateralFilters(const at::Tensor& keys, const at::Tensor& rangeTemperature,
                            const at::Tensor& sigmaSpatial) {
    const at::Tensor products =
        kernels::neighbourProducts(keys, kernels::padReflected(keys, kBilateralRadius));
    const at::Tensor temperature = rangeTemperature.exp().clamp(1e-4, 1e4);
    const at::Tensor range = (products * temperature).flatten(3).softmax(3);
    const at::Tensor axis = at::linspace(-1, 1, kBilateralTaps, keys.options());
    const at::Tensor square = (axis.square().unsqueeze(1) + axis.square().unsqueeze(0)).flatten();
    const at::Tensor combined = range * (-square / (2 * sigmaSpatial.square())).exp();
    return (combined / combined.sum(3, true).clamp_min(1e-7))
        .unflatten(3, {kBilateralTaps, kBilateralTaps})
        .contiguous();
}

at::Tensor enlargedAndFiltered(const at::Tensor& map, const at::Tensor& filters, const char* mode) {
    const int64_t height = filters.size(1), width = filters.size(2), channels = map.size(1);
    const auto filtered = [&](const at::Tensor& part) {
        const at::Tensor larger = nn::resizeMap(part, height, width, mode);
        return kernels::adaptiveConv(kernels::padReflected(larger, kBilateralRadius), filters);
    };
    const int64_t chunk = std::max<int64_t>(1, kChunkElements / (map.size(0) * height * width));
    if (at::GradMode::is_enabled() || chunk >= channels)
        return filtered(map);
    at::Tensor out = at::empty({map.size(0), channels, height, width}, map.options());
    for (int64_t first = 0; first < channels; first += chunk) {
        const int64_t count = std::min(chunk, channels - first);
        out.narrow(1, first, count).copy_(filtered(map.narrow(1, first, count)));
    }
    return out;
}

}  // namespace vitrine
