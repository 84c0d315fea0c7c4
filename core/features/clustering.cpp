#include "core/features/clustering.h"

#include "core/features/checks.h"

#include <random>

namespace vitrine {
namespace {

// Squared distances (N, K).
at::Tensor distances(const at::Tensor& x, const at::Tensor& squares, const at::Tensor& centers) {
    const auto centerSquares = centers.square().sum(1);
    return (squares.unsqueeze(1) + centerSquares - 2 * x.matmul(centers.t())).clamp_min(0);
}

// A number in [0, 1) from the generator's bits: std::uniform_real_distribution differs between libraries.
double uniform(std::mt19937_64& generator) {
    return double(generator() >> 11) * 0x1.0p-53;
}

at::Tensor seedCenters(const at::Tensor& x, int64_t clusters, uint64_t seed) {
    std::mt19937_64 generator(seed);
    const int64_t n = x.size(0);
    std::vector<int64_t> chosen{int64_t(uniform(generator) * double(n))};
    auto nearest = (x - x[chosen[0]]).square().sum(1).to(at::kDouble);
    while (int64_t(chosen.size()) < clusters) {
        const auto cumulative = nearest.cumsum(0);
        const double total = cumulative[n - 1].item<double>();
        // With no distance left every vector is already a centre.
        const int64_t next =
            total > 0
                ? std::min(n - 1, at::searchsorted(cumulative,
                                                   at::scalar_tensor(uniform(generator) * total, at::kDouble),
                                                   false, true)
                                      .item<int64_t>())
                : int64_t(uniform(generator) * double(n));
        chosen.push_back(next);
        nearest = at::minimum(nearest, (x - x[next]).square().sum(1).to(at::kDouble));
    }
    return x.index_select(0, at::tensor(chosen, at::kLong));
}

void numberBySize(Clusters& clusters) {
    const auto order = clusters.sizes.argsort(true, 0, true);
    clusters.centers = clusters.centers.index_select(0, order);
    clusters.sizes = clusters.sizes.index_select(0, order);
    auto rank = at::empty_like(order);
    rank.index_copy_(0, order, at::arange(order.size(0), at::kLong));
    clusters.labels = rank.index_select(0, clusters.labels);
}

}  // namespace

Result<void> KMeansOptions::validate() const {
    if (clusters < 1 || clusters > 4096)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 1 to 4096, found {}", clusters),
                    "clusters");
    if (maxIterations < 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected at least 1, found {}", maxIterations),
                    "maxIterations");
    return {};
}

Result<Clusters> kMeans(const at::Tensor& tokens, const KMeansOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkFinite(tokens, 2, "k-means"));
    if (tokens.size(0) < options.clusters)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} clusters of {} tokens", options.clusters, tokens.size(0)), "k-means",
                    "Choose fewer clusters.");
    auto x = tokens.to(at::kCPU, at::kFloat).contiguous();
    if (options.cosine)
        x = x / x.norm(2, {1}, true).clamp_min(1e-12);
    const auto squares = x.square().sum(1);
    const double spread = std::sqrt((x - x.mean(0)).square().sum(1).mean().item<double>());

    Clusters result;
    result.centers = seedCenters(x, options.clusters, options.seed);
    const auto ones = at::ones({x.size(0)});
    while (result.iterations < options.maxIterations) {
        ++result.iterations;
        result.labels = distances(x, squares, result.centers).argmin(1);
        const auto counts = at::zeros({options.clusters}).index_add_(0, result.labels, ones);
        const auto sums = at::zeros_like(result.centers).index_add_(0, result.labels, x);
        const auto moved =
            at::where(counts.unsqueeze(1) > 0, sums / counts.clamp_min(1).unsqueeze(1), result.centers);
        const double step = (moved - result.centers).norm(2, {1}).max().item<double>();
        result.centers = moved;
        if (step <= options.tolerance * spread)
            break;
    }
    const auto [nearest, labels] = distances(x, squares, result.centers).min(1);
    result.labels = labels;
    result.inertia = nearest.sum(at::kDouble).item<double>();
    result.sizes = labels.bincount({}, options.clusters);
    numberBySize(result);
    return result;
}

}  // namespace vitrine
