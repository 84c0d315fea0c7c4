// Argument checks that the CPU and CUDA operators share. Each throws c10::Error saying operator, argument,
// what was expected and what was found.
#pragma once

#include <ATen/ATen.h>

namespace vitrine::kernels {

inline std::string shapeText(const at::Tensor& tensor) {
    return c10::str(tensor.sizes());
}

inline void checkDimensions(const char* op, const char* argument, const at::Tensor& tensor,
                            int64_t dimensions) {
    TORCH_CHECK(tensor.defined() && tensor.dim() == dimensions, op, ": ", argument, " must have ", dimensions,
                " dimensions, found ", tensor.defined() ? shapeText(tensor) : std::string("no tensor"));
}

inline void checkSize(const char* op, const char* argument, const at::Tensor& tensor, int64_t dimension,
                      int64_t expected) {
    TORCH_CHECK(tensor.size(dimension) == expected, op, ": ", argument, " must have size ", expected,
                " in dimension ", dimension, ", found shape ", shapeText(tensor));
}

inline void checkSameDevice(const char* op, const char* argument, const at::Tensor& tensor,
                            const at::Tensor& first) {
    TORCH_CHECK(tensor.device() == first.device(), op, ": ", argument, " must be on ", first.device(),
                ", found ", tensor.device());
}

inline void checkReal(const char* op, const char* argument, const at::Tensor& tensor, bool halves) {
    const auto type = tensor.scalar_type();
    const bool full = type == at::kFloat || type == at::kDouble;
    TORCH_CHECK(full || (halves && (type == at::kHalf || type == at::kBFloat16)), op, ": ", argument,
                " must be ", halves ? "float32, float64, float16 or bfloat16" : "float32 or float64",
                ", found ", type);
}

// Type of sums and results for inputs of `type`.
inline at::ScalarType accumulationType(at::ScalarType type) {
    return type == at::kDouble ? at::kDouble : at::kFloat;
}

inline void checkProjection(const char* op, const char* rowsName, const at::Tensor& features,
                            const at::Tensor& rows) {
    TORCH_CHECK(features.dim() >= 1, op, ": features must be (C, ...), found ", shapeText(features));
    checkReal(op, "features", features, true);
    checkDimensions(op, rowsName, rows, 2);
    checkSize(op, rowsName, rows, 1, features.size(0));
    checkSameDevice(op, rowsName, rows, features);
    TORCH_CHECK(rows.is_floating_point(), op, ": ", rowsName, " must be floating point, found ",
                rows.scalar_type());
}

inline std::vector<int64_t> projectedShape(const at::Tensor& features, int64_t rows) {
    auto shape = features.sizes().vec();
    shape[0] = rows;
    return shape;
}

inline void checkGroups(const char* op, const char* argument, const at::Tensor& tensor, int64_t n,
                        int64_t m) {
    TORCH_CHECK(m >= 1 && m <= 32, op, ": m must be 1..32, found ", m);
    TORCH_CHECK(n >= 1 && n <= m, op, ": n must be 1..m=", m, ", found ", n);
    checkReal(op, argument, tensor, true);
    TORCH_CHECK(tensor.dim() >= 1 && tensor.size(-1) % m == 0, op, ": the last dimension of ", argument,
                " must be a multiple of m=", m, ", found shape ", shapeText(tensor));
}

inline void checkTapSource(const char* op, const char* argument, const at::Tensor& tensor,
                           double sigmaSpatial, int64_t radius, bool half) {
    checkDimensions(op, argument, tensor, 4);
    checkReal(op, argument, tensor, false);
    TORCH_CHECK(radius >= 0 && radius <= 7, op, ": radius must be 0..7, found ", radius);
    TORCH_CHECK(!half || tensor.scalar_type() == at::kFloat, op, ": half taps need a float32 ", argument,
                ", found ", tensor.scalar_type());
    TORCH_CHECK(sigmaSpatial > 0, op, ": sigma_spatial must be positive, found ", sigmaSpatial);
    TORCH_CHECK(tensor.numel() > 0, op, ": ", argument, " is empty: ", shapeText(tensor));
}

// Empty taps (batch, D*D, height, width), stored as (batch, height, D*D, width).
inline at::Tensor emptyTaps(const at::Tensor& source, int64_t radius, bool half) {
    const int64_t count = (2 * radius + 1) * (2 * radius + 1);
    return at::empty({source.size(0), source.size(2), count, source.size(3)},
                     half ? source.options().dtype(at::kHalf) : source.options())
        .permute({0, 2, 1, 3});
}

// The filter width D of taps (B, D*D, H, W) that fit `map` (B, C, H, W).
inline int64_t checkApply(const at::Tensor& map, const at::Tensor& taps) {
    const char* op = "jbu_apply";
    checkDimensions(op, "map", map, 4);
    checkReal(op, "map", map, false);
    checkDimensions(op, "taps", taps, 4);
    checkSameDevice(op, "taps", taps, map);
    TORCH_CHECK(taps.scalar_type() == map.scalar_type() ||
                    (taps.scalar_type() == at::kHalf && map.scalar_type() == at::kFloat),
                op, ": taps must be ", map.scalar_type(), " (or float16 for a float32 map), found ",
                taps.scalar_type());
    TORCH_CHECK(taps.size(0) == map.size(0) || taps.size(0) == 1, op, ": taps must have batch size ",
                map.size(0), " or 1, found ", shapeText(taps));
    checkSize(op, "taps", taps, 2, map.size(2));
    checkSize(op, "taps", taps, 3, map.size(3));
    int64_t diameter = 1;
    while (diameter * diameter < taps.size(1))
        diameter += 2;
    TORCH_CHECK(diameter * diameter == taps.size(1), op,
                ": taps must have D*D channels with odd D, found shape ", shapeText(taps));
    return diameter;
}

inline void checkAdaptiveConv(const at::Tensor& input, const at::Tensor& filters) {
    const char* op = "adaptive_conv";
    checkDimensions(op, "input", input, 4);
    checkReal(op, "input", input, false);
    checkDimensions(op, "filters", filters, 5);
    checkSameDevice(op, "filters", filters, input);
    TORCH_CHECK(filters.scalar_type() == input.scalar_type(), op, ": filters must be ", input.scalar_type(),
                ", found ", filters.scalar_type());
    checkSize(op, "filters", filters, 0, input.size(0));
    const int64_t height = filters.size(1) + filters.size(3) - 1,
                  width = filters.size(2) + filters.size(4) - 1;
    TORCH_CHECK(input.size(2) == height && input.size(3) == width, op, ": input must be ", height, " x ",
                width, " for filters ", shapeText(filters), ", found ", shapeText(input));
}

// `name`: of the filters or of the padded map, which must fit the type and place of `centre` (B, C, H, W).
inline void checkLike(const char* op, const char* name, const at::Tensor& tensor, const at::Tensor& centre,
                      int64_t dimensions) {
    checkDimensions(op, "centre", centre, 4);
    checkReal(op, "centre", centre, false);
    checkDimensions(op, name, tensor, dimensions);
    checkSameDevice(op, name, tensor, centre);
    TORCH_CHECK(tensor.scalar_type() == centre.scalar_type(), op, ": ", name, " must be ",
                centre.scalar_type(), ", found ", tensor.scalar_type());
    checkSize(op, name, tensor, 0, centre.size(0));
}

inline void checkAdaptiveConvSpread(const at::Tensor& centre, const at::Tensor& filters) {
    const char* op = "adaptive_conv_spread";
    checkLike(op, "filters", filters, centre, 5);
    checkSize(op, "filters", filters, 1, centre.size(2));
    checkSize(op, "filters", filters, 2, centre.size(3));
}

inline void checkNeighbourProducts(const at::Tensor& centre, const at::Tensor& around) {
    const char* op = "neighbour_products";
    checkLike(op, "around", around, centre, 4);
    checkSize(op, "around", around, 1, centre.size(1));
    TORCH_CHECK(around.size(2) >= centre.size(2) && around.size(3) >= centre.size(3), op,
                ": around must be at least as large as centre ", shapeText(centre), ", found ",
                shapeText(around));
}

inline void checkHadamard(const at::Tensor& input, int64_t order) {
    const char* op = "hadamard_transform";
    checkReal(op, "input", input, true);
    TORCH_CHECK(order >= 1 && (order & (order - 1)) == 0, op, ": order must be a power of two, found ",
                order);
    TORCH_CHECK(input.dim() >= 1 && input.size(-1) % order == 0, op,
                ": the last dimension of input must be a multiple of order=", order, ", found shape ",
                shapeText(input));
}

}  // namespace vitrine::kernels
