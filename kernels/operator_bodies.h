// The operators between torch and the plain kernels, written once for both devices: checks, element types,
// layouts. Backend (cpu_operators.cpp, cuda_operators.cpp) launches the plain kernels of its device:
//   run(...) for the argument structs, nmMask, nmScan, jbuLearnedTaps, jbuGuidedTaps.
#pragma once

#include "kernels/checks.h"
#include "kernels/cosine_similarity_map/cosine_similarity_map.h"
#include "kernels/hadamard/hadamard.h"
#include "kernels/jbu/jbu.h"
#include "kernels/nm_scan/nm_scan.h"
#include "kernels/operators.h"
#include "kernels/pca_projection/pca_projection.h"

#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

namespace vitrine::kernels {

template <typename T>
const T* elements(const at::Tensor& tensor) {
    return static_cast<const T*>(tensor.const_data_ptr());
}
template <typename T>
T* writable(const at::Tensor& tensor) {
    return static_cast<T*>(tensor.mutable_data_ptr());
}

// Calls `body` with a value of the kernel's element type.
template <typename Body>
void withElement(at::ScalarType type, Body body) {
    switch (type) {
        case at::kDouble:
            return body(double());
        case at::kHalf:
            return body(Half());
        case at::kBFloat16:
            return body(BFloat16());
        default:
            return body(float());
    }
}

// The same for kernels of float and double only.
template <typename Body>
void withFull(at::ScalarType type, Body body) {
    if (type == at::kDouble)
        return body(double());
    body(float());
}

template <typename Backend>
struct Operators {
    static at::Tensor cosineSimilarityMap(const at::Tensor& features, const at::Tensor& queries) {
        const c10::OptionalDeviceGuard guard(at::device_of(features));
        checkProjection("cosine_similarity_map", "queries", features, queries);
        const auto type = accumulationType(features.scalar_type());
        const auto input = features.contiguous();
        const auto wide = queries.to(type);
        const auto norm = wide.norm(2, {1}, true);
        const auto unit = at::where(norm == 0, at::zeros_like(wide), wide / norm).contiguous();
        auto out = at::empty(projectedShape(features, queries.size(0)), features.options().dtype(type));
        if (out.numel() == 0)
            return out;
        withElement(features.scalar_type(), [&]<typename T>(T) {
            using Real = typename Accumulated<T>::type;
            Backend::run(CosineMapArguments<T>{elements<T>(input), elements<Real>(unit), writable<Real>(out),
                                               input.size(0), out.numel() / out.size(0), out.size(0)});
        });
        return out;
    }

    static at::Tensor pcaProjection(const at::Tensor& features, const at::Tensor& mean,
                                    const at::Tensor& components) {
        const c10::OptionalDeviceGuard guard(at::device_of(features));
        checkProjection("pca_projection", "components", features, components);
        checkDimensions("pca_projection", "mean", mean, 1);
        checkSize("pca_projection", "mean", mean, 0, features.size(0));
        const auto type = accumulationType(features.scalar_type());
        const auto input = features.contiguous();
        const auto centre = mean.to(type).contiguous();
        const auto rows = components.to(type).contiguous();
        auto out = at::empty(projectedShape(features, components.size(0)), features.options().dtype(type));
        if (out.numel() == 0)
            return out;
        withElement(features.scalar_type(), [&]<typename T>(T) {
            using Real = typename Accumulated<T>::type;
            Backend::run(PcaProjectionArguments<T>{elements<T>(input), elements<Real>(centre),
                                                   elements<Real>(rows), writable<Real>(out), input.size(0),
                                                   out.numel() / out.size(0), out.size(0)});
        });
        return out;
    }

    static at::Tensor nmMask(const at::Tensor& scores, int64_t n, int64_t m) {
        const c10::OptionalDeviceGuard guard(at::device_of(scores));
        checkGroups("nm_mask", "scores", scores, n, m);
        const auto input = scores.contiguous();
        auto mask = at::empty(scores.sizes(), scores.options().dtype(at::kByte));
        withElement(scores.scalar_type(), [&]<typename T>(T) {
            Backend::nmMask(elements<T>(input), writable<uint8_t>(mask), input.numel() / m, n, m);
        });
        return mask;
    }

    static at::Tensor nmScan(const at::Tensor& weight, int64_t m) {
        const c10::OptionalDeviceGuard guard(at::device_of(weight));
        checkGroups("nm_scan", "weight", weight, 1, m);
        const auto input = weight.contiguous();
        auto histogram = at::empty({m + 1}, weight.options().dtype(at::kLong));
        withElement(weight.scalar_type(), [&]<typename T>(T) {
            Backend::nmScan(elements<T>(input), writable<int64_t>(histogram), input.numel() / m, m);
        });
        return histogram;
    }

    // Calls kernel(arguments) for every picture of the batch; `range` in the kernel's own form.
    template <typename T, typename Tap, typename Kernel>
    static at::Tensor makeTaps(const at::Tensor& source, double sigmaSpatial, double range, int64_t radius,
                               Kernel kernel) {
        const auto padded = padReflected(source, radius);
        auto out = emptyTaps(source, radius, sizeof(Tap) != sizeof(T));
        for (int64_t b = 0; b < source.size(0); ++b)
            kernel(JbuTapArguments<T, Tap>{elements<T>(padded[b]), writable<Tap>(out[b]), source.size(1),
                                           source.size(2), source.size(3), radius, T(sigmaSpatial),
                                           T(range)});
        return out;
    }

    template <typename Kernel>
    static at::Tensor makeTapsOfType(const at::Tensor& source, double sigmaSpatial, double range,
                                     int64_t radius, bool half, Kernel kernel) {
        if (source.scalar_type() == at::kDouble)
            return makeTaps<double, double>(source, sigmaSpatial, range, radius, kernel);
        if (half)
            return makeTaps<float, Half>(source, sigmaSpatial, range, radius, kernel);
        return makeTaps<float, float>(source, sigmaSpatial, range, radius, kernel);
    }

    static at::Tensor jbuLearnedTaps(const at::Tensor& keys, double temperature, double sigmaSpatial,
                                     int64_t radius, bool half) {
        const c10::OptionalDeviceGuard guard(at::device_of(keys));
        checkTapSource("jbu_learned_taps", "keys", keys, sigmaSpatial, radius, half);
        TORCH_CHECK(temperature > 0, "jbu_learned_taps: temperature must be positive, found ", temperature);
        return makeTapsOfType(keys, sigmaSpatial, temperature, radius, half,
                              [](const auto& arguments) { Backend::jbuLearnedTaps(arguments); });
    }

    static at::Tensor jbuGuidedTaps(const at::Tensor& guidance, double sigmaSpatial, double sigmaRange,
                                    int64_t radius, bool half) {
        const c10::OptionalDeviceGuard guard(at::device_of(guidance));
        checkTapSource("jbu_guided_taps", "guidance", guidance, sigmaSpatial, radius, half);
        TORCH_CHECK(sigmaRange > 0, "jbu_guided_taps: sigma_range must be positive, found ", sigmaRange);
        return makeTapsOfType(guidance, sigmaSpatial, 1 / (2 * sigmaRange * sigmaRange), radius, half,
                              [](const auto& arguments) { Backend::jbuGuidedTaps(arguments); });
    }

    // `padded` (B, C, H + rows - 1, W + columns - 1); both contiguous.
    template <typename T, typename Tap>
    static at::Tensor convolve(const at::Tensor& padded, const at::Tensor& taps, TapStrides strides,
                               int64_t rows, int64_t columns) {
        const int64_t batch = padded.size(0), channels = padded.size(1);
        const int64_t height = padded.size(2) - rows + 1, width = padded.size(3) - columns + 1;
        auto out = at::empty({batch, channels, height, width}, padded.options());
        if (out.numel())
            Backend::run(AdaptiveConvArguments<T, Tap>{elements<T>(padded), elements<Tap>(taps),
                                                       writable<T>(out), strides, batch, channels, height,
                                                       width, rows, columns});
        return out;
    }

    static at::Tensor jbuApply(const at::Tensor& map, const at::Tensor& taps) {
        const c10::OptionalDeviceGuard guard(at::device_of(map));
        const int64_t diameter = checkApply(map, taps);
        const auto padded = padReflected(map, diameter / 2);
        // Any layout with neighbouring columns together is read as it is.
        const auto weights = taps.stride(3) == 1 || taps.size(3) == 1 ? taps : taps.contiguous();
        const TapStrides strides{taps.size(0) == 1 ? 0 : weights.stride(0), weights.stride(1),
                                 weights.stride(2), 1};
        if (map.scalar_type() == at::kDouble)
            return convolve<double, double>(padded, weights, strides, diameter, diameter);
        if (taps.scalar_type() == at::kHalf)
            return convolve<float, Half>(padded, weights, strides, diameter, diameter);
        return convolve<float, float>(padded, weights, strides, diameter, diameter);
    }

    static TapStrides filterStrides(const at::Tensor& filters) {
        const int64_t taps = filters.size(3) * filters.size(4);
        return {filters.size(1) * filters.size(2) * taps, 1, filters.size(2) * taps, taps};
    }

    static at::Tensor adaptiveConv(const at::Tensor& input, const at::Tensor& filters) {
        const c10::OptionalDeviceGuard guard(at::device_of(input));
        checkAdaptiveConv(input, filters);
        const auto padded = input.contiguous(), weights = filters.contiguous();
        const auto strides = filterStrides(weights);
        if (input.scalar_type() == at::kDouble)
            return convolve<double, double>(padded, weights, strides, filters.size(3), filters.size(4));
        return convolve<float, float>(padded, weights, strides, filters.size(3), filters.size(4));
    }

    static at::Tensor adaptiveConvSpread(const at::Tensor& centre, const at::Tensor& filters) {
        const c10::OptionalDeviceGuard guard(at::device_of(centre));
        checkAdaptiveConvSpread(centre, filters);
        const auto g = centre.contiguous(), w = filters.contiguous();
        auto out = at::empty({g.size(0), g.size(1), g.size(2) + w.size(3) - 1, g.size(3) + w.size(4) - 1},
                             g.options());
        if (out.numel() == 0)
            return out;
        withFull(g.scalar_type(), [&]<typename T>(T) {
            Backend::run(AdaptiveConvGradArguments<T>{nullptr, elements<T>(w), elements<T>(g),
                                                      writable<T>(out), nullptr, filterStrides(w), g.size(0),
                                                      g.size(1), g.size(2), g.size(3), w.size(3), w.size(4)});
        });
        return out;
    }

    static at::Tensor neighbourProducts(const at::Tensor& centre, const at::Tensor& around) {
        const c10::OptionalDeviceGuard guard(at::device_of(centre));
        checkNeighbourProducts(centre, around);
        const auto g = centre.contiguous(), x = around.contiguous();
        const int64_t rows = x.size(2) - g.size(2) + 1, columns = x.size(3) - g.size(3) + 1;
        auto out = at::empty({g.size(0), g.size(2), g.size(3), rows, columns}, g.options());
        if (out.numel() == 0)
            return out;
        withFull(g.scalar_type(), [&]<typename T>(T) {
            Backend::run(AdaptiveConvGradArguments<T>{elements<T>(x), nullptr, elements<T>(g), nullptr,
                                                      writable<T>(out), filterStrides(out), g.size(0),
                                                      g.size(1), g.size(2), g.size(3), rows, columns});
        });
        return out;
    }

    static at::Tensor hadamardTransform(const at::Tensor& input, int64_t order, double scale) {
        const c10::OptionalDeviceGuard guard(at::device_of(input));
        checkHadamard(input, order);
        const auto source = input.contiguous();
        auto out = at::empty(input.sizes(), input.options().dtype(accumulationType(input.scalar_type())));
        if (out.numel() == 0)
            return out;
        const int64_t width = input.size(-1);
        withElement(input.scalar_type(), [&]<typename T>(T) {
            using Real = typename Accumulated<T>::type;
            Backend::run(HadamardArguments<T>{elements<T>(source), writable<Real>(out), input.numel() / width,
                                              order, width / order, Real(scale)});
        });
        return out;
    }

    static void registerIn(torch::Library& library) {
        library.impl("cosine_similarity_map", &Operators::cosineSimilarityMap);
        library.impl("pca_projection", &Operators::pcaProjection);
        library.impl("nm_mask", &Operators::nmMask);
        library.impl("nm_scan", &Operators::nmScan);
        library.impl("jbu_learned_taps", &Operators::jbuLearnedTaps);
        library.impl("jbu_guided_taps", &Operators::jbuGuidedTaps);
        library.impl("jbu_apply", &Operators::jbuApply);
        library.impl("adaptive_conv", &Operators::adaptiveConv);
        library.impl("adaptive_conv_spread", &Operators::adaptiveConvSpread);
        library.impl("neighbour_products", &Operators::neighbourProducts);
        library.impl("hadamard_transform", &Operators::hadamardTransform);
    }
};

}  // namespace vitrine::kernels
