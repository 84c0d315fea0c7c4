#include "core/compress/weight_ranges.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kSlabWeights = 1 << 22;  // looked at together, so that a large layer needs little room

// (o, k) -> (o, groups, width); the last group of a row is filled up with zeros, which reach nowhere.
at::Tensor grouped(const at::Tensor& matrix, int64_t width) {
    const int64_t groups = (matrix.size(1) + width - 1) / width;
    return at::constant_pad_nd(matrix, {0, groups * width - matrix.size(1)})
        .view({matrix.size(0), groups, width});
}

// Bin of each magnitude, int64.
at::Tensor binsOf(const at::Tensor& magnitudes, double largest) {
    return (magnitudes / std::max(largest, 1e-300))
        .clamp_min(1e-30)
        .log2()
        .mul(-2)
        .floor()
        .clamp(0, double(WeightRanges::kBins - 1))
        .to(at::kLong);
}

std::vector<int64_t> countsOf(const at::Tensor& bins) {
    const at::Tensor counts = bins.bincount({}, WeightRanges::kBins);
    const auto* first = counts.const_data_ptr<int64_t>();
    return {first, first + WeightRanges::kBins};
}

template <class Number>
std::vector<Number> withoutTail(std::vector<Number> values) {
    while (!values.empty() && values.back() == 0)
        values.pop_back();
    return values;
}

}  // namespace

Json WeightRanges::json() const {
    std::vector<double> parts;
    for (const double part : error)
        parts.push_back(std::round(part * 1e6) / 1e6);
    return {{"group", groupWidth},           {"widest", widest},
            {"median_group", medianGroup},   {"loudest_input", loudest},
            {"median_input", medianInput},   {"groups", withoutTail(groups)},
            {"inputs", withoutTail(inputs)}, {"error", withoutTail(parts)}};
}

WeightRanges weightRanges(const at::Tensor& dense, const at::Tensor& rounded, int64_t groupWidth,
                          const at::Tensor& inputSquares) {
    const at::NoGradGuard plain;
    WeightRanges ranges;
    ranges.groupWidth = std::min(groupWidth, dense.size(1));
    const at::Tensor squares = inputSquares.to(dense.device(), at::kFloat);
    std::vector<at::Tensor> reaches, errors;
    const int64_t slab = std::max<int64_t>(1, kSlabWeights / dense.size(1));
    for (int64_t row = 0; row < dense.size(0); row += slab) {
        const at::Tensor weights = dense.slice(0, row, row + slab).to(at::kFloat);
        const at::Tensor difference = weights - rounded.slice(0, row, row + slab).to(at::kFloat);
        reaches.push_back(grouped(weights.abs(), groupWidth).amax(2).flatten().cpu());
        errors.push_back(grouped(difference.square().mul_(squares), groupWidth).sum(2).flatten().cpu());
    }
    const at::Tensor reach = at::cat(reaches).to(at::kDouble), error = at::cat(errors).to(at::kDouble);
    ranges.widest = reach.max().item<double>();
    ranges.medianGroup = reach.median().item<double>();
    const at::Tensor bins = binsOf(reach, ranges.widest);
    ranges.groups = countsOf(bins);
    const at::Tensor parts =
        bins.bincount(error, WeightRanges::kBins) / std::max(error.sum().item<double>(), 1e-300);
    const auto* first = parts.const_data_ptr<double>();
    ranges.error.assign(first, first + WeightRanges::kBins);
    const at::Tensor loudness = inputSquares.to(at::kCPU, at::kDouble).sqrt();
    ranges.loudest = loudness.max().item<double>();
    ranges.medianInput = loudness.median().item<double>();
    ranges.inputs = countsOf(binsOf(loudness, ranges.loudest));
    return ranges;
}

}  // namespace vitrine
