#include "core/compress/inverse_factor.h"

namespace vitrine {
namespace {

constexpr int64_t kLeaf = 256;          // size that is inverted as a whole
constexpr int64_t kDoubleFactor = 512;  // largest size that is factored in float64

// Upper U with U Uᵀ = matrix; undefined where it is not positive definite.
at::Tensor reverseCholesky(const at::Tensor& matrix) {
    const auto [lower, failed] = at::linalg_cholesky_ex(matrix.flip({0, 1}));
    return failed.item<int64_t>() == 0 ? lower.flip({0, 1}).contiguous() : at::Tensor();
}

}  // namespace

Result<void> InverseFactorOptions::validate() const {
    if (!(damping >= 0 && damping <= 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a damping of 0 to 1, found {:g}", damping));
    return {};
}

at::Tensor inverseOfUpper(const at::Tensor& upper) {
    const int64_t size = upper.size(0);
    if (size <= kLeaf)
        return at::linalg_solve_triangular(upper, at::eye(size, upper.options()), true);
    const int64_t half = size / 2;
    const auto first = inverseOfUpper(upper.slice(0, 0, half).slice(1, 0, half));
    const auto second = inverseOfUpper(upper.slice(0, half).slice(1, half));
    auto inverse = at::zeros_like(upper);
    inverse.slice(0, 0, half).slice(1, 0, half).copy_(first);
    inverse.slice(0, half).slice(1, half).copy_(second);
    inverse.slice(0, 0, half)
        .slice(1, half)
        .copy_(first.matmul(upper.slice(0, 0, half).slice(1, half)).matmul(second).neg_());
    return inverse;
}

Result<InverseFactor> inverseFactor(const LinearStatistics& statistics, const InverseFactorOptions& options) {
    const at::NoGradGuard plain;
    VITRINE_TRY_VOID(options.validate());
    auto moment = statistics.secondMoment();
    if (!moment.defined())
        return fail(ErrorCode::InvalidArgument,
                    "this method needs the full second moments of calibrated inputs");
    if (moment.size(0) > kDoubleFactor)
        moment = moment.to(at::kFloat);
    InverseFactor factor;
    auto diagonal = moment.diagonal();
    factor.dead = diagonal == 0;
    const int64_t living = moment.size(0) - factor.dead.sum().item<int64_t>();
    if (living == 0)
        return fail(ErrorCode::InvalidArgument, "all inputs were 0 during calibration", {},
                    "Calibrate on other text, or leave this layer out.");
    const double mean = diagonal.sum().item<double>() / double(living);
    // A dead input meets no weight that stays: any scale will do, and this one does not disturb the others.
    diagonal.masked_fill_(factor.dead, mean);
    if (options.actOrder) {
        factor.order = std::get<1>(at::sort(statistics.diagonal().to(moment.device()), true, 0, true));
        moment = moment.index_select(0, factor.order).index_select(1, factor.order);
    }
    at::Tensor upper;
    double wanted = options.damping, added = 0;
    while (true) {
        moment.diagonal().add_((wanted - added) * mean);
        added = wanted;
        upper = reverseCholesky(moment);
        if (upper.defined())
            break;
        if (wanted >= 1)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("the second moments of {} inputs stay singular even with damping 1 ({} tokens)",
                            moment.size(0), statistics.tokens()),
                {}, "Calibrate on more text.");
        wanted = std::min(1.0, std::max(10 * wanted, 1e-4));
    }
    factor.damping = added;
    factor.upper = inverseOfUpper(upper).to(at::kFloat).contiguous();
    return factor;
}

}  // namespace vitrine
