#include "core/eval/linear_probe.h"

#include "core/distill/optimizer.h"

namespace vitrine {
namespace {

Result<void> checkInputs(const at::Tensor& features, const at::Tensor& labels, int64_t classCount) {
    if (features.dim() != 2 || labels.dim() != 1 || features.size(0) != labels.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected features (N, D) and labels (N), found {} and {}",
                                fmt::join(features.sizes(), "x"), fmt::join(labels.sizes(), "x")),
                    "linear probe");
    if (features.size(0) < 2 || classCount < 2)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("{} vectors of {} classes: two of each are needed", features.size(0), classCount),
            "linear probe");
    if (labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() >= classCount)
        return fail(ErrorCode::InvalidArgument, fmt::format("a label is none of the {} classes", classCount),
                    "linear probe");
    if (!at::isfinite(features).all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "features hold NaN or infinity", "linear probe",
                    "Encode in float32, or find the layer with \"vitrine model show --statistics\"");
    return {};
}

}  // namespace

Result<void> LinearProbeOptions::validate() const {
    if (steps < 1 || learningRate <= 0 || weightDecay < 0)
        return fail(ErrorCode::InvalidArgument,
                    "a probe needs at least one step, a positive rate and no negative decay", "linear probe");
    return {};
}

ColumnScale columnScale(const at::Tensor& rows) {
    const at::Tensor values = rows.to(at::kDouble);
    const at::Tensor mean = values.mean(0);
    const at::Tensor deviation = (values - mean).square().mean(0).sqrt();
    // Below this a column is rounding of a constant.
    const at::Tensor floor = 1e-6 * mean.abs() + 1e-12;
    const at::Tensor inverse =
        at::where(deviation > floor, 1 / deviation.clamp_min(1e-12), at::zeros_like(deviation));
    return {mean.to(at::kFloat), inverse.to(at::kFloat)};
}

Result<LinearProbe> LinearProbe::fit(const at::Tensor& features, const at::Tensor& labels, int64_t classCount,
                                     const LinearProbeOptions& options, JobContext& job) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkInputs(features, labels, classCount));
    const at::NoGradGuard noGrad;
    LinearProbe probe;
    const ColumnScale scale = columnScale(features);
    probe.mean_ = scale.mean;
    probe.inverseDeviation_ = scale.inverseDeviation;
    probe.weight_ = at::zeros({features.size(1), classCount});
    probe.bias_ = at::zeros({classCount});
    const at::Tensor rows = (features.to(at::kFloat) - scale.mean) * scale.inverseDeviation;
    const at::Tensor truth = at::one_hot(labels, classCount).to(at::kFloat);
    Optimizer optimizer({{"weight", probe.weight_}, {"bias", probe.bias_, 1, false}},
                        {.weightDecay = options.weightDecay});
    for (int64_t step = 0; step < options.steps; ++step) {
        VITRINE_TRY_VOID(job.checkStop());
        // Gradient of the mean cross-entropy by the logits: (softmax - truth) / N.
        const at::Tensor slope =
            (at::softmax(at::addmm(probe.bias_, rows, probe.weight_), 1) - truth) / double(rows.size(0));
        probe.weight_.mutable_grad() = rows.t().mm(slope);
        probe.bias_.mutable_grad() = slope.sum(0);
        optimizer.step(cosineRate(step, 0, options.steps, options.learningRate));
    }
    return probe;
}

at::Tensor LinearProbe::logits(const at::Tensor& features) const {
    const at::Tensor rows = (features.to(at::kFloat) - mean_) * inverseDeviation_;
    return at::addmm(bias_, rows, weight_);
}

}  // namespace vitrine
