#include "core/compress/low_rank.h"

namespace vitrine {
namespace {

// Eigenvalues, descending and not negative, and eigenvectors as columns.
std::pair<at::Tensor, at::Tensor> descendingEigen(const at::Tensor& symmetric) {
    const auto [values, vectors] = at::linalg_eigh((symmetric + symmetric.t()) / 2);
    return {values.flip({0}).clamp_min(0), vectors.flip({1})};
}

// The left singular vectors U (o, rank) and all singular values of ΔW P, for C = P Pᵀ; `moment` (k, k), (k)
// for a diagonal C, or undefined for the identity.
struct LeftVectors {
    at::Tensor vectors, values;
};
LeftVectors leftVectors(const at::Tensor& difference, const at::Tensor& moment, int64_t rank) {
    const int64_t outputs = difference.size(0), inputs = difference.size(1);
    const auto weighted = [&](const at::Tensor& rows) {
        return !moment.defined() ? rows : moment.dim() == 1 ? rows * moment : rows.matmul(moment);
    };
    if (outputs <= inputs) {
        const auto [values, vectors] = descendingEigen(weighted(difference).matmul(difference.t()));
        return {vectors.slice(1, 0, rank), values.sqrt()};
    }
    // More outputs than inputs: from the right singular vectors V of ΔW P, U = ΔW P V / σ.
    at::Tensor factor;  // P
    if (moment.defined() && moment.dim() == 2) {
        const auto [values, vectors] = descendingEigen(moment);
        factor = vectors * values.sqrt();
    } else if (moment.defined()) {
        factor = at::diag(moment.sqrt());
    }
    const auto projected = factor.defined() ? difference.matmul(factor) : difference;
    const auto [squares, right] = descendingEigen(projected.t().matmul(projected));
    const auto values = squares.sqrt();
    const auto kept = values.slice(0, 0, rank);
    const auto scale = at::where(kept > 0, kept.reciprocal(), at::zeros_like(kept));
    return {projected.matmul(right.slice(1, 0, rank)) * scale, values};
}

}  // namespace

const char* lowRankMethodName(LowRankMethod method) {
    switch (method) {
        case LowRankMethod::Eora:
            return "eora";
        case LowRankMethod::PlainSvd:
            return "svd";
        case LowRankMethod::ActivationScaled:
            return "activation_scaled";
    }
    return "";
}

Result<LowRankMethod> lowRankMethodFromName(const std::string& name) {
    for (const auto method : {LowRankMethod::Eora, LowRankMethod::PlainSvd, LowRankMethod::ActivationScaled})
        if (name == lowRankMethodName(method))
            return method;
    return fail(ErrorCode::InvalidArgument, fmt::format("no low-rank method is named \"{}\"", name), {},
                "Known: eora, svd, activation_scaled.");
}

Result<LowRankPath> compensate(const at::Tensor& difference, const LinearStatistics& statistics,
                               LowRankMethod method, int64_t rank) {
    const at::NoGradGuard plain;
    if (!difference.defined() || difference.dim() != 2 || !difference.is_floating_point())
        return fail(ErrorCode::ShapeMismatch, "expected a floating matrix (outputs, inputs)");
    const int64_t outputs = difference.size(0), inputs = difference.size(1), most = std::min(outputs, inputs);
    if (rank < 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected a rank of 1 or more, found {}", rank));
    if (rank > most)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("rank {} is larger than the matrix of {} x {} allows ({})", rank, outputs,
                                inputs, most),
                    {}, "Choose a smaller rank.");
    if (method != LowRankMethod::PlainSvd && statistics.inputs() != inputs)
        return fail(
            ErrorCode::ShapeMismatch,
            fmt::format("the statistics are of {} inputs, the weights of {}", statistics.inputs(), inputs));
    at::Tensor moment;
    if (method == LowRankMethod::Eora) {
        moment = statistics.secondMoment();
        if (!moment.defined())
            return fail(ErrorCode::InvalidArgument,
                        "EoRA needs the full second moments of calibrated inputs");
        moment = moment.to(at::kDouble);
    } else if (method == LowRankMethod::ActivationScaled) {
        moment = statistics.meanMagnitude().square();
    }
    const auto wide = difference.detach().to(at::kDouble);
    if (moment.defined())
        moment = moment.to(wide.device());
    const auto left = leftVectors(wide, moment, rank);
    // B = U Σ^½, A = Σ^-½ Uᵀ ΔW share the size between them.
    const auto kept = left.values.slice(0, 0, rank);
    const auto root = at::where(kept > 0, kept.sqrt(), at::ones_like(kept));
    LowRankPath path;
    path.up = (left.vectors * root).to(at::kFloat).contiguous();
    path.down = (left.vectors.t().matmul(wide) / root.unsqueeze(1)).to(at::kFloat).contiguous();
    path.singularValues = left.values;
    path.predictedError = left.values.slice(0, rank).square().sum().item<double>();
    return path;
}

double outputError(const at::Tensor& difference, const at::Tensor& moment) {
    const at::NoGradGuard plain;
    const auto wide = difference.detach().to(at::kDouble), weights = moment.to(wide.device(), at::kDouble);
    if (weights.dim() == 1)
        return (wide.square() * weights).sum().item<double>();
    return std::max(0.0, (wide.matmul(weights) * wide).sum().item<double>());
}

at::Tensor foldedWeight(const at::Tensor& weight, const LowRankPath& path) {
    const at::NoGradGuard plain;
    return (weight.to(at::kFloat) + path.product().to(weight.device())).to(weight.scalar_type());
}

Result<ErrorSpectrum> errorSpectrum(const at::Tensor& difference, const LinearStatistics& statistics) {
    const at::NoGradGuard plain;
    const auto moment = statistics.secondMoment();
    if (!moment.defined())
        return fail(ErrorCode::InvalidArgument,
                    "a spectrum needs the full second moments of calibrated inputs");
    if (difference.size(1) != moment.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the statistics are of {} inputs, the weights of {}", moment.size(0),
                                difference.size(1)));
    const auto [values, vectors] = descendingEigen(moment.to(at::kDouble));
    return ErrorSpectrum{values, difference.to(at::kDouble).matmul(vectors).square().sum(0)};
}

}  // namespace vitrine
