#include "core/distill/summary_dispersion.h"

#include "core/distill/losses.h"
#include "core/features/checks.h"

namespace vitrine {
namespace {

constexpr const char* kWhat = "summaries";

Result<SummaryCone> coneOf(const at::Tensor& sum, double lengths, int64_t count, const at::Tensor& sample) {
    if (count < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a cone needs at least two summaries, found {}", count), kWhat);
    const double length = sum.norm().item<double>();
    // Rounding of a sum that cancels is about 1e-16 of its terms.
    if (!(length > 1e-13 * lengths))
        return fail(ErrorCode::InvalidArgument, "the mean summary is zero: a cone around it has no axis",
                    kWhat);
    SummaryCone cone;
    cone.axis = sum / length;
    cone.concentration = length / lengths;
    cone.count = count;
    cone.sampleCount = sample.size(0);
    cone.dispersion = anglesToAxis(sample, cone.axis).square().mean().item<double>();
    // Equal float32 summaries still differ from their mean by rounding.
    if (!(cone.dispersion > 1e-13))
        return fail(ErrorCode::InvalidArgument,
                    "all summaries point in one direction: the dispersion is zero", kWhat,
                    "Use the cosine or squared loss for this teacher's summary, or more varied pictures");
    return cone;
}

}  // namespace

at::Tensor anglesToAxis(const at::Tensor& summaries, const at::Tensor& axis) {
    return squaredAngle(summaries.to(at::kDouble), axis.to(summaries.device(), at::kDouble).unsqueeze(0))
        .sqrt();
}

Result<SummaryCone> fitSummaryCone(const at::Tensor& summaries) {
    VITRINE_TRY_VOID(checkFeatures(summaries, 2, kWhat));
    SummaryConeEstimator estimator(summaries.size(0));
    VITRINE_TRY_VOID(estimator.add(summaries));
    return estimator.cone();
}

Result<void> SummaryConeEstimator::add(const at::Tensor& summaries) {
    VITRINE_TRY_VOID(checkFinite(summaries, 2, kWhat));
    const auto y = summaries.to(at::kCPU, at::kDouble);
    if (sum_.defined() && sum_.size(0) != y.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("earlier summaries have {} channels, these have {}", sum_.size(0), y.size(1)),
                    kWhat);
    const auto lengths = y.norm(2, {1});
    if (lengths.eq(0).any().item<bool>())
        return fail(ErrorCode::InvalidArgument, "a summary is the zero vector: it has no direction", kWhat);
    VITRINE_TRY_VOID(sample_.add(y));
    sum_ = sum_.defined() ? sum_ + y.sum(0) : y.sum(0);
    lengths_ += lengths.sum().item<double>();
    return {};
}

Result<void> SummaryConeEstimator::merge(const SummaryConeEstimator& other) {
    VITRINE_TRY_VOID(sample_.merge(other.sample_));
    if (other.sum_.defined())
        sum_ = sum_.defined() ? sum_ + other.sum_ : other.sum_.clone();
    lengths_ += other.lengths_;
    return {};
}

Result<SummaryCone> SummaryConeEstimator::cone() const {
    if (!sum_.defined())
        return coneOf(at::zeros({1}, at::kDouble), 0, 0, at::zeros({0, 1}));
    return coneOf(sum_, lengths_, count(), sample_.sample());
}

std::map<std::string, at::Tensor> SummaryConeEstimator::state() const {
    auto state = sample_.state();
    state["sum"] = sum_.defined() ? sum_ : at::zeros({0}, at::kDouble);
    state["lengths"] = at::full({1}, lengths_, at::kDouble);
    return state;
}

Result<SummaryConeEstimator> SummaryConeEstimator::fromState(const std::map<std::string, at::Tensor>& state) {
    SummaryConeEstimator estimator;
    VITRINE_TRY(estimator.sample_, TokenReservoir::fromState(state));
    const auto sum = state.find("sum"), lengths = state.find("lengths");
    if (sum == state.end() || sum->second.dim() != 1 || sum->second.scalar_type() != at::kDouble)
        return fail(ErrorCode::InvalidFile, "missing, or of another shape or type", "summaries.sum");
    if (lengths == state.end() || lengths->second.numel() != 1 ||
        lengths->second.scalar_type() != at::kDouble)
        return fail(ErrorCode::InvalidFile, "missing, or of another shape or type", "summaries.lengths");
    if (estimator.count() > 0 && sum->second.size(0) != estimator.sample_.sample().size(1))
        return fail(ErrorCode::InvalidFile, "its width differs from that of the kept summaries",
                    "summaries.sum");
    if (estimator.count() > 0)
        estimator.sum_ = sum->second.clone();
    estimator.lengths_ = lengths->second.item<double>();
    return estimator;
}

}  // namespace vitrine
