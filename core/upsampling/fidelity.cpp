#include "core/upsampling/fidelity.h"

#include <limits>

namespace vitrine {

double seamRatio(const at::Tensor& map, int64_t grid, int64_t factor, int64_t border) {
    const at::NoGradGuard noGrad;
    double atSeams = 0, elsewhere = 0;
    int64_t seamCount = 0, otherCount = 0;
    for (const int64_t axis : {2, 3}) {
        const int64_t size = map.size(axis);
        const at::Tensor jumps = map.narrow(axis, 1, size - 1) - map.narrow(axis, 0, size - 1);
        // One value for each border between neighbours: border k lies before cell k + 1.
        const at::Tensor means = jumps.square().transpose(axis, 0).flatten(1).mean(1);
        for (int64_t cell = 1; cell < size; ++cell) {
            const double jump = means[cell - 1].item<double>();
            if (cell % grid == 0) {
                atSeams += jump;
                ++seamCount;
            } else if (cell % factor == grid % factor && cell >= border && cell <= size - border) {
                elsewhere += jump;
                ++otherCount;
            }
        }
    }
    if (seamCount == 0 || otherCount == 0 || elsewhere <= 0)
        return std::numeric_limits<double>::quiet_NaN();
    return (atSeams / double(seamCount)) / (elsewhere / double(otherCount));
}

Result<TruthComparison> compareWithTruth(const at::Tensor& fine, const at::Tensor& truth) {
    const at::NoGradGuard noGrad;
    if (fine.sizes() != truth.sizes() || fine.dim() != 4)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("fine features are [{}], the true ones [{}]", fmt::join(fine.sizes(), ", "),
                                fmt::join(truth.sizes(), ", ")));
    if (!at::isfinite(fine).all().item<bool>() || !at::isfinite(truth).all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "the features hold values that are not finite");
    const at::Tensor exact = truth.to(at::kDouble), given = fine.to(at::kDouble);
    const double variance = exact.var({0, 2, 3}, false).mean().item<double>();
    const double error = (given - exact).square().mean().item<double>();
    if (!(variance > 0))
        return fail(ErrorCode::InvalidArgument, "the true features are the same everywhere");
    TruthComparison comparison;
    comparison.fidelity = variance / error;
    comparison.cosine = at::cosine_similarity(given, exact, 1).mean().item<double>();
    return comparison;
}

}  // namespace vitrine
