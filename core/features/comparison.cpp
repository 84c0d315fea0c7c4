#include "core/features/comparison.h"

#include "core/features/checks.h"

#include <ATen/ops/linalg_cholesky.h>

namespace vitrine {
namespace {

at::Tensor pooled(const at::Tensor& map, int64_t height, int64_t width) {
    at::Tensor wide = map.to(at::kCPU, at::kDouble);
    if (map.size(1) == height && map.size(2) == width)
        return wide;
    return at::adaptive_avg_pool2d(wide.unsqueeze(0), {height, width}).squeeze(0);
}

at::Tensor tokensOf(const at::Tensor& map) {
    return map.flatten(1).t().contiguous();
}

Result<void> checkPair(const at::Tensor& x, const at::Tensor& y, std::string_view what) {
    VITRINE_TRY_VOID(checkFinite(x, 2, what));
    VITRINE_TRY_VOID(checkFinite(y, 2, what));
    if (x.size(0) != y.size(0))
        return fail(ErrorCode::ShapeMismatch, fmt::format("{} samples against {}", x.size(0), y.size(0)),
                    std::string(what));
    return {};
}

// Unbiased HSIC of two Gram matrices whose diagonals are already zero (Song et al. 2012, eq. 5).
double unbiasedHsic(const at::Tensor& k, const at::Tensor& l) {
    const double n = double(k.size(0));
    const double trace = (k * l).sum().item<double>();
    const double product = k.sum().item<double>() * l.sum().item<double>() / ((n - 1) * (n - 2));
    const double mixed = 2 / (n - 2) * k.sum(0).dot(l.sum(0)).item<double>();
    return (trace + product - mixed) / (n * (n - 3));
}

Result<std::vector<at::Tensor>> grams(const std::vector<at::Tensor>& layers, int64_t samples) {
    std::vector<at::Tensor> result;
    for (const auto& layer : layers) {
        VITRINE_TRY_VOID(checkFinite(layer, 2, "CKA"));
        if (layer.size(0) != samples)
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("{} samples against {}", layer.size(0), samples), "CKA");
        const auto x = layer.to(at::kCPU, at::kDouble);
        auto gram = x.matmul(x.t());
        gram.diagonal().zero_();
        result.push_back(std::move(gram));
    }
    return result;
}

}  // namespace

Result<LinearMap> fitLinearMap(const at::Tensor& from, const at::Tensor& to, double ridge) {
    VITRINE_TRY_VOID(checkPair(from, to, "linear map"));
    if (from.size(0) < 2)
        return fail(ErrorCode::InvalidArgument, "needs at least two patches, found 1", "linear map");
    if (!(ridge >= 0))
        return fail(ErrorCode::InvalidArgument, fmt::format("expected a ridge of 0 or more, found {}", ridge),
                    "linear map");
    LinearMap map;
    auto x = from.to(at::kCPU, at::kDouble), y = to.to(at::kCPU, at::kDouble);
    map.meanFrom = x.mean(0);
    map.meanTo = y.mean(0);
    x = x - map.meanFrom;
    y = y - map.meanTo;
    map.variance = y.square().sum(1).mean().item<double>();
    const int64_t n = x.size(0), channels = x.size(1);
    // Mean eigenvalue of the covariance times n; the tiny part keeps a singular system solvable without a
    // ridge.
    const double unit = x.square().sum().item<double>() / double(channels) + 1e-300;
    const double penalty = (ridge + 1e-12) * unit;
    if (n < channels) {  // push-through identity: X' (X X' + p I)^-1 Y
        const auto gram = x.matmul(x.t()) + penalty * at::eye(n, x.options());
        map.weight = x.t().matmul(at::cholesky_solve(y, at::linalg_cholesky(gram))).t().contiguous();
    } else {
        const auto gram = x.t().matmul(x) + penalty * at::eye(channels, x.options());
        map.weight = at::cholesky_solve(x.t().matmul(y), at::linalg_cholesky(gram)).t().contiguous();
    }
    return map;
}

Result<Disagreement> predictionError(const LinearMap& map, const at::Tensor& a, const at::Tensor& b) {
    VITRINE_TRY_VOID(checkFinite(a, 3, "features of the first model"));
    VITRINE_TRY_VOID(checkFinite(b, 3, "features of the second model"));
    if (a.size(0) != map.meanFrom.size(0) || b.size(0) != map.meanTo.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the map goes from {} to {} channels, the features have {} and {}",
                                map.meanFrom.size(0), map.meanTo.size(0), a.size(0), b.size(0)),
                    "linear map");
    const int64_t h = std::min(a.size(1), b.size(1)), w = std::min(a.size(2), b.size(2));
    const auto x = tokensOf(pooled(a, h, w)) - map.meanFrom;
    const auto y = tokensOf(pooled(b, h, w)) - map.meanTo;
    const auto error = (y - x.matmul(map.weight.t())).square().sum(1) / std::max(map.variance, 1e-300);
    Disagreement result;
    result.explained = 1 - error.mean().item<double>();
    result.ranked = error.argsort(true, 0, true);
    result.error = error.to(at::kFloat).reshape({h, w});
    return result;
}

Result<Disagreement> disagreement(const at::Tensor& a, const at::Tensor& b,
                                  const DisagreementOptions& options) {
    VITRINE_TRY_VOID(checkFinite(a, 3, "features of the first model"));
    VITRINE_TRY_VOID(checkFinite(b, 3, "features of the second model"));
    const int64_t h = std::min(a.size(1), b.size(1)), w = std::min(a.size(2), b.size(2));
    const auto first = pooled(a, h, w), second = pooled(b, h, w);
    VITRINE_TRY(auto map, fitLinearMap(tokensOf(first), tokensOf(second), options.ridge));
    return predictionError(map, first, second);
}

Result<double> linearCka(const at::Tensor& x, const at::Tensor& y) {
    VITRINE_TRY_VOID(checkPair(x, y, "CKA"));
    const auto centred = [](const at::Tensor& t) {
        const auto wide = t.to(at::kCPU, at::kDouble);
        return wide - wide.mean(0);
    };
    const auto a = centred(x), b = centred(y);
    const double denominator = (a.t().matmul(a).norm() * b.t().matmul(b).norm()).item<double>();
    if (!(denominator > 0))
        return fail(ErrorCode::InvalidArgument, "all samples of one side are equal", "CKA");
    return a.t().matmul(b).square().sum().item<double>() / denominator;
}

MinibatchCka::MinibatchCka(int64_t layersX, int64_t layersY)
    : cross_(at::zeros({layersX, layersY}, at::kDouble)),
      selfX_(at::zeros({layersX}, at::kDouble)),
      selfY_(at::zeros({layersY}, at::kDouble)) {}

Result<void> MinibatchCka::add(const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& y) {
    if (int64_t(x.size()) != cross_.size(0) || int64_t(y.size()) != cross_.size(1) || x.empty() || y.empty())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected {} and {} layers, found {} and {}", cross_.size(0), cross_.size(1),
                                x.size(), y.size()),
                    "CKA");
    const int64_t samples = x.front().defined() && x.front().dim() ? x.front().size(0) : 0;
    if (samples < 4)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a batch needs at least 4 samples, found {}", samples), "CKA");
    VITRINE_TRY(const auto k, grams(x, samples));
    VITRINE_TRY(const auto l, grams(y, samples));
    for (size_t i = 0; i < k.size(); ++i) {
        selfX_[int64_t(i)] += unbiasedHsic(k[i], k[i]);
        for (size_t j = 0; j < l.size(); ++j)
            cross_[int64_t(i)][int64_t(j)] += unbiasedHsic(k[i], l[j]);
    }
    for (size_t j = 0; j < l.size(); ++j)
        selfY_[int64_t(j)] += unbiasedHsic(l[j], l[j]);
    ++batches_;
    return {};
}

Result<at::Tensor> MinibatchCka::matrix() const {
    if (batches_ == 0)
        return fail(ErrorCode::InvalidArgument, "no batch was added", "CKA");
    const auto scale = (selfX_.clamp_min(0).unsqueeze(1) * selfY_.clamp_min(0).unsqueeze(0)).sqrt();
    return cross_ / scale.clamp_min(1e-300);
}

}  // namespace vitrine
