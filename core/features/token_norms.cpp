#include "core/features/token_norms.h"

#include "core/features/checks.h"

namespace vitrine {

Result<at::Tensor> tokenNorms(const at::Tensor& map) {
    VITRINE_TRY_VOID(checkFeatures(map, 3, "feature map"));
    return map.to(at::kFloat).norm(2, {0});
}

Result<NormOutliers> normOutliers(const at::Tensor& map, double threshold) {
    VITRINE_TRY_VOID(checkFinite(map, 3, "feature map"));
    NormOutliers result;
    VITRINE_TRY(result.norms, tokenNorms(map));
    const auto flat = result.norms.flatten().to(at::kCPU, at::kDouble);
    const auto half = at::scalar_tensor(0.5, at::kDouble);
    const auto median = flat.quantile(half);
    const auto deviation = (flat - median).abs().quantile(half) * 1.4826;
    result.median = median.item<double>();
    result.deviation = deviation.item<double>();
    // Where half of the tokens are exactly equal a floor keeps the rest comparable.
    const double scale = std::max(result.deviation, 1e-6 * std::max(result.median, 1e-30));
    result.robustZ = (result.norms - result.median) / scale;
    result.outlier = result.robustZ > threshold;
    return result;
}

Result<void> FixedPattern::add(const at::Tensor& map) {
    VITRINE_TRY_VOID(checkFinite(map, 3, "feature map"));
    const auto x = map.to(at::kCPU, at::kDouble);
    if (!sum_.defined())
        sum_ = at::zeros_like(x);
    if (sum_.sizes() != x.sizes())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("earlier maps are {}, this one is {}", sizesText(sum_), sizesText(x)),
                    "fixed-pattern view", "Encode all pictures at one resolution with square resizing.");
    sum_ += x;
    squares_ += x.square().sum().item<double>();
    ++count_;
    return {};
}

Result<FixedPattern::View> FixedPattern::view() const {
    if (count_ < 2)
        return fail(ErrorCode::InvalidArgument, fmt::format("needs at least two pictures, found {}", count_),
                    "fixed-pattern view");
    View view;
    const auto mean = sum_ / double(count_);
    const auto overall = mean.mean({1, 2}, true);
    const auto pattern = mean - overall;
    const auto energy = pattern.square().sum(0);
    const int64_t h = energy.size(0), w = energy.size(1);
    const double total = squares_ / double(count_ * h * w) - overall.square().sum().item<double>();
    view.share = total > 0 ? energy.mean().item<double>() / total : 0;
    auto border = at::ones({h, w}, at::kBool);
    if (h > 2 && w > 2)
        border.slice(0, 1, h - 1).slice(1, 1, w - 1).fill_(false);
    view.borderEnergy = energy.masked_select(border).mean().item<double>();
    view.innerEnergy = h > 2 && w > 2 ? energy.masked_select(border.logical_not()).mean().item<double>() : 0;
    view.pattern = pattern.to(at::kFloat);
    view.energy = energy.to(at::kFloat);
    return view;
}

}  // namespace vitrine
