#include "core/features/rank.h"

#include "core/features/checks.h"

#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_svdvals.h>

namespace vitrine {
namespace {

// Spectrum through the smaller of the two Gram matrices.
at::Tensor covarianceEigenvalues(const at::Tensor& x) {
    const auto gram = x.size(0) < x.size(1) ? x.matmul(x.t()) : x.t().matmul(x);
    return at::linalg_eigvalsh(gram).clamp_min(0);
}

}  // namespace

Result<double> spectralRank(const at::Tensor& values, double epsilon, std::string_view what) {
    const double total = values.sum().item<double>();
    if (!(total > 0))
        return fail(ErrorCode::InvalidArgument, "all values are zero: there is no spectrum",
                    std::string(what));
    const auto p = values / total + epsilon;
    // 0 log 0 = 0.
    return std::exp(-(at::special_xlogy(p, p)).sum().item<double>());
}

Result<double> rankMe(const at::Tensor& tokens) {
    VITRINE_TRY_VOID(checkFinite(tokens, 2, "RankMe"));
    return spectralRank(at::linalg_svdvals(tokens.to(at::kCPU, at::kDouble)), 1e-7, "RankMe");
}

Result<double> effectiveRank(const at::Tensor& tokens) {
    VITRINE_TRY_VOID(checkFinite(tokens, 2, "effective rank"));
    const auto x = tokens.to(at::kCPU, at::kDouble);
    return spectralRank(covarianceEigenvalues(x - x.mean(0)), 0, "effective rank");
}

Result<double> lidar(const at::Tensor& samples, const LidarOptions& options) {
    VITRINE_TRY_VOID(checkFinite(samples, 3, "LiDAR"));
    const int64_t classes = samples.size(0), views = samples.size(1), channels = samples.size(2);
    if (classes < 2 || views < 2)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("needs at least two pictures with two views each, found {} with {}", classes, views),
            "LiDAR");
    const auto x = samples.to(at::kCPU, at::kDouble);
    const auto means = x.mean(1);
    const auto between = means - means.mean(0);
    const auto within = (x - means.unsqueeze(1)).reshape({-1, channels});
    const auto sw =
        within.t().matmul(within) / double(classes * views) + options.delta * at::eye(channels, x.options());
    const auto [values, vectors] = at::linalg_eigh(sw);
    // The eigenvalues of S_w^-1/2 S_b S_w^-1/2 are those of B B' with B = whitened class means.
    const auto whitened = between.matmul(vectors) / values.clamp_min(1e-300).sqrt();
    return spectralRank(covarianceEigenvalues(whitened), options.epsilon, "LiDAR");
}

}  // namespace vitrine
