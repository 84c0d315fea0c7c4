#include "core/distill/normalizer.h"
#include "core/features/checks.h"

#include <ATen/ops/linalg_eigh.h>

#include <cmath>

namespace vitrine {
namespace {

constexpr const char* kWhat = "normaliser";

Result<void> checkMoments(NormalizerKind kind, const at::Tensor& mean, const at::Tensor& covariance,
                          int64_t sampleCount) {
    VITRINE_TRY_VOID(checkFinite(mean, 1, "mean of the features"));
    VITRINE_TRY_VOID(checkFinite(covariance, 2, "covariance of the features"));
    const int64_t width = mean.size(0);
    if (covariance.size(0) != width || covariance.size(1) != width)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected [{}, {}], found {}", width, width, sizesText(covariance)),
                    "covariance of the features");
    if (sampleCount < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a covariance needs at least two feature vectors, found {}", sampleCount),
                    kWhat);
    if (kind != NormalizerKind::None && !(covariance.diagonal().max().item<double>() > 0))
        return fail(ErrorCode::InvalidArgument, "all features are equal: there is nothing to normalise",
                    kWhat, "Use more varied pictures, or the normaliser \"none\"");
    return {};
}

at::Tensor signsOf(const at::Tensor& values) {
    return at::where(values < 0, -1.0, 1.0).to(at::kDouble);
}

}  // namespace

Result<void> NormalizerOptions::validate() const {
    if (!(smallestEigenvalue > 0 && smallestEigenvalue < 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a share between 0 and 1, found {}", smallestEigenvalue),
                    "smallestEigenvalue");
    return {};
}

class NormalizerFit {
  public:
    NormalizerFit(NormalizerKind kind, at::Tensor mean, at::Tensor covariance, int64_t count,
                  double globalStd, const NormalizerOptions& options)
        : options_(options), covariance_(std::move(covariance)), globalStd_(globalStd) {
        normalizer_.kind_ = kind;
        normalizer_.mean_ = std::move(mean);
        NormalizerReport& report = normalizer_.report_;
        report.sampleCount = count;
        report.fewerSamplesThanChannels = count <= normalizer_.mean_.size(0);
        const auto constant = covariance_.diagonal().le(0).nonzero().flatten();
        report.constantChannels.assign(constant.const_data_ptr<int64_t>(),
                                       constant.const_data_ptr<int64_t>() + constant.numel());
    }

    Result<Normalizer> make() {
        switch (normalizer_.kind_) {
            case NormalizerKind::None:
                normalizer_.mean_ = at::zeros_like(normalizer_.mean_);
                break;
            case NormalizerKind::Global:
                normalizer_.mean_ = normalizer_.mean_.mean().expand_as(normalizer_.mean_).clone();
                normalizer_.alpha_ = 1 / globalStd_;
                break;
            case NormalizerKind::Standardise:
                normalizer_.scale_ = raised(covariance_.diagonal().clone()).rsqrt();
                break;
            default:
                VITRINE_TRY_VOID(rotate());
        }
        return normalizer_.readyFor(at::kCPU);
    }

  private:
    // Eigenvalues or variances that are too small to divide by, raised.
    at::Tensor raised(const at::Tensor& variances) {
        NormalizerReport& report = normalizer_.report_;
        const double floor = options_.smallestEigenvalue * variances.max().item<double>();
        report.numericalRank = variances.gt(floor).sum().item<int64_t>();
        report.raisedDirections = variances.lt(floor).sum().item<int64_t>();
        report.floor = report.raisedDirections > 0 ? floor : 0;
        return variances.clamp_min(floor);
    }

    // Uᵀ with its signs fixed; sets eigenvalues_.
    at::Tensor basis() {
        const auto [values, vectors] = at::linalg_eigh(covariance_);
        eigenvalues_ = values.clamp_min(0);
        const auto rows = vectors.t();
        const auto largest = rows.gather(1, rows.abs().argmax(1, true)).flatten();
        return rows * signsOf(options_.signs == SignRule::Diagonal ? rows.diagonal() : largest).unsqueeze(1);
    }

    // H · rows, with H's signs fixed.
    Result<at::Tensor> spread(const at::Tensor& rows) {
        VITRINE_TRY(const auto hadamard, HadamardRotation::make(rows.size(0), options_.seed));
        normalizer_.report_.rotation = hadamard.plan().text();
        normalizer_.report_.approximateRotation = !hadamard.plan().exact();
        // Columns of `rows` are rotated as vectors.
        const auto product = hadamard.rotate(rows.t().contiguous()).t();
        if (options_.signs == SignRule::LargestComponent)
            return product;
        return product * signsOf(hadamard.matrix().diagonal()).unsqueeze(1);
    }

    Result<void> rotate() {
        const auto rows = basis();
        if (normalizer_.kind_ == NormalizerKind::PhiS) {
            normalizer_.report_.numericalRank =
                eigenvalues_.gt(options_.smallestEigenvalue * eigenvalues_.max()).sum().item<int64_t>();
            normalizer_.alpha_ = 1 / std::sqrt(eigenvalues_.mean().item<double>());
            VITRINE_TRY(normalizer_.rotation_, spread(rows));
            normalizer_.rotation_ = normalizer_.rotation_.contiguous();
            normalizer_.inverseRotation_ = normalizer_.rotation_.t().contiguous();
            return {};
        }
        const auto deviations = raised(eigenvalues_).sqrt().unsqueeze(1);
        if (normalizer_.kind_ == NormalizerKind::HadamardWhiten) {
            VITRINE_TRY(normalizer_.rotation_, spread(rows / deviations));
            VITRINE_TRY(const auto back, spread(rows * deviations));  // (Θᵀ = H Λ^½ Uᵀ)
            normalizer_.inverseRotation_ = back.t();
        } else {
            const bool zca = normalizer_.kind_ == NormalizerKind::Zca;
            normalizer_.rotation_ = zca ? rows.t().matmul(rows / deviations) : rows / deviations;
            normalizer_.inverseRotation_ = zca ? rows.t().matmul(rows * deviations) : (rows * deviations).t();
        }
        normalizer_.rotation_ = normalizer_.rotation_.contiguous();
        normalizer_.inverseRotation_ = normalizer_.inverseRotation_.contiguous();
        return {};
    }

    Normalizer normalizer_;
    NormalizerOptions options_;
    at::Tensor covariance_, eigenvalues_;
    double globalStd_;
};

namespace {

Result<Normalizer> fitTo(NormalizerKind kind, const at::Tensor& mean, const at::Tensor& covariance,
                         int64_t count, double globalStd, const NormalizerOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkMoments(kind, mean, covariance, count));
    const auto sigma = covariance.to(at::kCPU, at::kDouble);
    return NormalizerFit(kind, mean.to(at::kCPU, at::kDouble).clone(), (sigma + sigma.t()) / 2, count,
                         globalStd, options)
        .make();
}

}  // namespace

Result<Normalizer> Normalizer::fit(NormalizerKind kind, const MomentStatistics& statistics,
                                   const NormalizerOptions& options) {
    return fitTo(kind, statistics.mean, statistics.covariance, statistics.count, statistics.globalStd,
                 options);
}

Result<Normalizer> Normalizer::fit(NormalizerKind kind, const at::Tensor& mean, const at::Tensor& covariance,
                                   int64_t sampleCount, const NormalizerOptions& options) {
    VITRINE_TRY_VOID(checkMoments(kind, mean, covariance, sampleCount));
    const auto means = mean.to(at::kDouble);
    const double globalStd = std::sqrt(covariance.diagonal().to(at::kDouble).mean().item<double>() +
                                       (means - means.mean()).square().mean().item<double>());
    return fitTo(kind, mean, covariance, sampleCount, globalStd, options);
}

}  // namespace vitrine
