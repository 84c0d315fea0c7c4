// Local attention between torch and the plain kernels, for both devices. Backend: as in operator_bodies.h,
// with run(...) for the three argument structs.
#pragma once

#include "kernels/checks.h"
#include "kernels/local_attention/local_attention.h"

#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

namespace vitrine::kernels {

inline void checkLocalAttention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                const at::Tensor& slopes, int64_t radius) {
    const char* op = "local_attention";
    checkDimensions(op, "query", query, 5);
    checkReal(op, "query", query, false);
    for (const auto& [name, tensor] : {std::pair{"key", &key}, std::pair{"value", &value}}) {
        checkDimensions(op, name, *tensor, 5);
        checkSameDevice(op, name, *tensor, query);
        TORCH_CHECK(tensor->scalar_type() == query.scalar_type(), op, ": ", name, " must be ",
                    query.scalar_type(), ", found ", tensor->scalar_type());
        for (const int64_t dimension : {0, 1, 3, 4})
            checkSize(op, name, *tensor, dimension, query.size(dimension));
    }
    checkSize(op, "key", key, 2, query.size(2));
    checkDimensions(op, "slopes", slopes, 2);
    checkSize(op, "slopes", slopes, 0, query.size(1));
    checkSize(op, "slopes", slopes, 1, 2);
    TORCH_CHECK(radius >= 0 && radius <= kMaxRadius, op, ": radius must be 0..", kMaxRadius, ", found ",
                radius);
}

template <typename Backend>
struct LocalAttentionOperators {
    static LocalAttentionSizes sizesOf(const at::Tensor& query, const at::Tensor& value, int64_t radius) {
        return {query.size(0) * query.size(1),
                query.size(1),
                query.size(2),
                value.size(2),
                query.size(3),
                query.size(4),
                radius};
    }
    static at::Tensor padded(const at::Tensor& planes, int64_t radius) {
        return at::constant_pad_nd(planes, {radius, radius, radius, radius}).contiguous();
    }
    template <typename T>
    static const T* in(const at::Tensor& tensor) {
        return static_cast<const T*>(tensor.const_data_ptr());
    }
    template <typename T>
    static T* out(const at::Tensor& tensor) {
        return static_cast<T*>(tensor.mutable_data_ptr());
    }
    // (B, heads, H, W): one value for each position and head.
    static at::Tensor emptyPlanes(const at::Tensor& query) {
        return at::empty({query.size(0), query.size(1), query.size(3), query.size(4)}, query.options());
    }

    template <typename T>
    static void forward(const LocalAttentionSizes& sizes, double scale, const at::Tensor& slopes,
                        const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                        const at::Tensor& result, const at::Tensor& logSum) {
        Backend::run(LocalAttentionArguments<T>{sizes, T(scale), in<T>(slopes), in<T>(query), in<T>(key),
                                                in<T>(value), out<T>(result), out<T>(logSum)});
    }

    static std::tuple<at::Tensor, at::Tensor> localAttention(const at::Tensor& query, const at::Tensor& key,
                                                             const at::Tensor& value,
                                                             const at::Tensor& slopes, int64_t radius,
                                                             double scale) {
        const c10::OptionalDeviceGuard guard(at::device_of(query));
        checkLocalAttention(query, key, value, slopes, radius);
        const auto sizes = sizesOf(query, value, radius);
        const auto q = query.contiguous(), k = padded(key, radius), v = padded(value, radius);
        const auto bias = slopes.to(query.options()).contiguous();
        auto result = at::empty(value.sizes(), value.options()), logSum = emptyPlanes(query);
        if (logSum.numel() == 0)
            return {result, logSum};
        if (query.scalar_type() == at::kDouble)
            forward<double>(sizes, scale, bias, q, k, v, result, logSum);
        else
            forward<float>(sizes, scale, bias, q, k, v, result, logSum);
        return {result, logSum};
    }

    template <typename T>
    static void backward(const LocalAttentionSizes& sizes, double scale, const at::Tensor& slopes,
                         const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key,
                         const at::Tensor& value, const at::Tensor& logSum, const at::Tensor& gradQuery,
                         const at::Tensor& gradKey, const at::Tensor& gradValue) {
        const auto products = emptyPlanes(query);
        {
            const auto k = padded(key, sizes.radius), v = padded(value, sizes.radius);
            Backend::run(LocalAttentionQueryGradArguments<T>{sizes, T(scale), in<T>(slopes), in<T>(query),
                                                             in<T>(grad), in<T>(logSum), in<T>(k), in<T>(v),
                                                             out<T>(gradQuery), out<T>(products)});
        }
        const auto q = padded(query, sizes.radius), g = padded(grad, sizes.radius),
                   l = padded(logSum, sizes.radius), p = padded(products, sizes.radius);
        Backend::run(LocalAttentionKeyGradArguments<T>{sizes, T(scale), in<T>(slopes), in<T>(key),
                                                       in<T>(value), in<T>(q), in<T>(g), in<T>(l), in<T>(p),
                                                       out<T>(gradKey), out<T>(gradValue)});
    }

    static std::tuple<at::Tensor, at::Tensor, at::Tensor> localAttentionBackward(
        const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
        const at::Tensor& slopes, const at::Tensor& logSum, int64_t radius, double scale) {
        const c10::OptionalDeviceGuard guard(at::device_of(query));
        checkLocalAttention(query, key, value, slopes, radius);
        const auto sizes = sizesOf(query, value, radius);
        const auto g = grad.contiguous(), q = query.contiguous(), k = key.contiguous(),
                   v = value.contiguous(), l = logSum.contiguous(),
                   bias = slopes.to(query.options()).contiguous();
        auto gradQuery = at::empty_like(q), gradKey = at::empty_like(k), gradValue = at::empty_like(v);
        if (logSum.numel() == 0)
            return {gradQuery, gradKey, gradValue};
        if (query.scalar_type() == at::kDouble)
            backward<double>(sizes, scale, bias, g, q, k, v, l, gradQuery, gradKey, gradValue);
        else
            backward<float>(sizes, scale, bias, g, q, k, v, l, gradQuery, gradKey, gradValue);
        return {gradQuery, gradKey, gradValue};
    }

    static void registerIn(torch::Library& library) {
        library.impl("local_attention", &LocalAttentionOperators::localAttention);
        library.impl("local_attention_backward", &LocalAttentionOperators::localAttentionBackward);
    }
};

}  // namespace vitrine::kernels
