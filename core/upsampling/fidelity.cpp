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

Result<void> TruthSums::add(const at::Tensor& fine, const at::Tensor& truth) {
    const at::NoGradGuard noGrad;
    if (fine.sizes() != truth.sizes() || fine.dim() != 4 || (sum_.defined() && sum_.size(0) != truth.size(1)))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("fine features are [{}], the true ones [{}]", fmt::join(fine.sizes(), ", "),
                                fmt::join(truth.sizes(), ", ")));
    if (!at::isfinite(fine).all().item<bool>() || !at::isfinite(truth).all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "the features hold values that are not finite");
    const at::Tensor exact = truth.to(at::kCPU, at::kDouble), given = fine.to(at::kCPU, at::kDouble);
    const at::Tensor sum = exact.sum({0, 2, 3}), squares = exact.square().sum({0, 2, 3});
    sum_ = sum_.defined() ? sum_ + sum : sum;
    squares_ = squares_.defined() ? squares_ + squares : squares;
    error_ += (given - exact).square().sum().item<double>() / double(exact.size(1));
    cosine_ += at::cosine_similarity(given, exact, 1).sum().item<double>();
    places_ += double(exact.numel()) / double(exact.size(1));
    return {};
}

Result<TruthComparison> TruthSums::result() const {
    if (places_ == 0)
        return fail(ErrorCode::InvalidArgument, "there is nothing to compare");
    const double variance = (squares_ / places_ - (sum_ / places_).square()).mean().item<double>();
    if (!(variance > 0))
        return fail(ErrorCode::InvalidArgument, "the true features are the same everywhere");
    return TruthComparison{variance * places_ / error_, cosine_ / places_};
}

}  // namespace vitrine
