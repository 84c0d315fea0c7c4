// Checks of user-caused faults that the feature analyses share.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

// "[1280, 32, 32]"
inline std::string sizesText(const at::Tensor& tensor) {
    std::string text = "[";
    for (int64_t index = 0; index < tensor.dim(); ++index)
        text += (index ? ", " : "") + std::to_string(tensor.size(index));
    return text + "]";
}

// ShapeMismatch unless `tensor` is defined, floating, of `dimensions` dimensions and not empty.
inline Result<void> checkFeatures(const at::Tensor& tensor, int64_t dimensions, std::string_view what) {
    if (!tensor.defined() || tensor.dim() != dimensions || !tensor.is_floating_point())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected a floating-point tensor of {} dimensions, found {}", dimensions,
                                tensor.defined() ? sizesText(tensor) : "none"),
                    std::string(what));
    if (tensor.numel() == 0)
        return fail(ErrorCode::InvalidArgument, fmt::format("nothing selected: shape {}", sizesText(tensor)),
                    std::string(what));
    return {};
}

// The same, and InvalidArgument where a value is NaN or infinite (with how many are).
inline Result<void> checkFinite(const at::Tensor& tensor, int64_t dimensions, std::string_view what) {
    if (auto checked = checkFeatures(tensor, dimensions, what); !checked)
        return checked;
    // A sum is one pass; only a suspicious one is looked into (finite values may overflow it).
    if (std::isfinite(tensor.sum(at::kDouble).item<double>()))
        return {};
    const int64_t bad = tensor.numel() - tensor.isfinite().sum().item<int64_t>();
    if (bad == 0)
        return {};
    return fail(ErrorCode::InvalidArgument,
                fmt::format("{} of {} values are NaN or infinite", bad, tensor.numel()), std::string(what),
                "Encode with float32: 16-bit types overflow in some models.");
}

}  // namespace vitrine
