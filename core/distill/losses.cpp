#include "core/distill/losses.h"

namespace vitrine {
namespace {

constexpr double kShortestVector = 1e-8;
// sin²(Θ/2) up to which the power series of Θ² is used; its first left-out term is 8e-10 of the sum there.
constexpr double kSeriesLimit = 1e-2;

at::Tensor wide(const at::Tensor& tensor) {
    const auto type = tensor.scalar_type();
    return type == at::kHalf || type == at::kBFloat16 ? tensor.to(at::kFloat) : tensor;
}

at::Tensor unitVectors(const at::Tensor& vectors, int64_t dimension) {
    return vectors / vectors.norm(2, {dimension}, true).clamp_min(kShortestVector);
}

}  // namespace

at::Tensor cosineDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension) {
    return 1 - at::cosine_similarity(wide(a), wide(b), channelDimension, kShortestVector);
}

at::Tensor meanSquaredDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension) {
    return (wide(a) - wide(b)).square().mean(channelDimension);
}

at::Tensor smoothL1Distance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension, double knee) {
    return at::smooth_l1_loss(wide(a), wide(b), at::Reduction::None, knee).mean(channelDimension);
}

at::Tensor matchDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension,
                         const MatchOptions& options) {
    return options.cosineShare * cosineDistance(a, b, channelDimension) +
           (1 - options.cosineShare) * smoothL1Distance(a, b, channelDimension, options.knee);
}

at::Tensor hybridSquaredDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension,
                                 double cosineShare) {
    return cosineShare * cosineDistance(a, b, channelDimension) +
           (1 - cosineShare) * meanSquaredDistance(a, b, channelDimension);
}

at::Tensor squaredAngle(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension) {
    const auto chord = unitVectors(wide(a), channelDimension) - unitVectors(wide(b), channelDimension);
    // Below 1 in the type at hand, so that the derivative is finite.
    const double largest = chord.scalar_type() == at::kDouble ? 1 - 1e-15 : 1 - 1.2e-7;
    const auto sine = (chord.square().sum(channelDimension) / 4).clamp_max(largest);  // sin²(Θ/2)
    const auto small = sine < kSeriesLimit;
    // 4 arcsin²(√s) = 4 s (1 + s/3 + 8 s²/45 + 4 s³/35 + ...). Each branch gets values that it can take: a
    // NaN of the branch that is not chosen would still reach the gradient.
    const auto s = at::where(small, sine, at::zeros_like(sine));
    const auto series = 4 * s * (1 + s * (1. / 3 + s * (8. / 45 + s * (4. / 35))));
    const auto arcsine = at::where(small, at::full_like(sine, 0.25), sine).sqrt().asin();
    return at::where(small, series, 4 * arcsine.square());
}

at::Tensor angleLoss(const at::Tensor& prediction, const at::Tensor& target, double dispersion) {
    return squaredAngle(prediction, target).mean() / dispersion;
}

at::Tensor plainLayerNorm(const at::Tensor& map) {
    const auto last = map.permute({0, 2, 3, 1}).to(at::kFloat);
    return at::layer_norm(last, {last.size(3)}, {}, {}, 1e-6).permute({0, 3, 1, 2});
}

at::Tensor meanOver(const at::Tensor& distances, const at::Tensor& mask) {
    if (distances.numel() == 0)
        return distances.sum();  // 0, and part of the graph
    if (!mask.defined())
        return distances.mean();
    const auto weights = mask.to(distances.device(), distances.scalar_type()).expand_as(distances);
    // Values of places that do not count may be anything, NaN too.
    const auto counted = at::where(weights > 0, distances, at::zeros_like(distances));
    return (counted * weights).sum() / weights.sum().clamp_min(1);
}

}  // namespace vitrine
