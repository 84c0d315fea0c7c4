#include "core/engine/error_contours.h"

#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

constexpr int kDegrees = 360;

// (2, 361): the unit circle, closed.
at::Tensor unitCircle() {
    const at::Tensor angles =
        at::arange(kDegrees + 1, at::kDouble) * (2 * std::numbers::pi / double(kDegrees));
    return at::stack({angles.cos(), angles.sin()});
}

std::vector<double> numbersOf(const at::Tensor& tensor) {
    const at::Tensor flat = tensor.contiguous();
    return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

Result<void> checkChannel(int64_t channel, const at::Tensor& variance) {
    if (channel < 0 || channel >= variance.size(0))
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no channel {}", channel), "channels",
                    fmt::format("The features have channels 0 to {}", variance.size(0) - 1));
    if (variance[channel].item<double>() <= 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("channel {} is constant: no error circle can be drawn for it", channel),
                    "channels", "Choose a channel that varies");
    return {};
}

// |correlation| of each channel with `channel`; -1 for itself and for constant ones.
at::Tensor correlationsWith(int64_t channel, const MomentStatistics& statistics, const at::Tensor& variance) {
    at::Tensor found =
        statistics.covariance[channel].abs() / (variance * variance[channel]).clamp_min(1e-300).sqrt();
    found = at::where(variance > 0, found, at::full_like(found, -1));
    found[channel] = -1;
    return found;
}

}  // namespace

Result<ErrorContours> errorContoursOf(const MomentStatistics& statistics, const NormalizerOptions& options,
                                      int64_t first, int64_t second) {
    const at::Tensor variance = statistics.covariance.diagonal();
    ErrorContours result;
    result.channels = variance.size(0);
    if (result.channels < 2)
        return fail(ErrorCode::InvalidArgument, "the features have a single channel", "channels",
                    "An error circle needs two");
    if (first < 0)
        first = second < 0 ? variance.argmax().item<int64_t>() : -1;
    if (first >= 0)
        VITRINE_TRY_VOID(checkChannel(first, variance));
    if (second >= 0)
        VITRINE_TRY_VOID(checkChannel(second, variance));
    if (first < 0)
        first = correlationsWith(second, statistics, variance).argmax().item<int64_t>();
    if (second < 0)
        second = correlationsWith(first, statistics, variance).argmax().item<int64_t>();
    VITRINE_TRY_VOID(checkChannel(first, variance));
    VITRINE_TRY_VOID(checkChannel(second, variance));
    if (first == second)
        return fail(ErrorCode::InvalidArgument, fmt::format("both channels are {}", first), "channels",
                    "Choose two different ones");
    result.first = first;
    result.second = second;

    const at::Tensor pair = at::tensor({first, second});
    const at::Tensor mean = statistics.mean.index_select(0, pair);
    const at::Tensor covariance = statistics.covariance.index_select(0, pair).index_select(1, pair);
    result.firstDeviation = std::sqrt(covariance[0][0].item<double>());
    result.secondDeviation = std::sqrt(covariance[1][1].item<double>());
    result.correlation = covariance[0][1].item<double>() / (result.firstDeviation * result.secondDeviation);
    const at::Tensor circle = unitCircle();
    for (const NormalizerKind kind : allNormalizerKinds()) {
        if (kind == NormalizerKind::None)
            continue;
        VITRINE_TRY(const Normalizer normalizer,
                    Normalizer::fit(kind, mean, covariance, statistics.count, options));
        const at::Tensor errors = normalizer.inverse().matmul(circle);
        ErrorContours::Contour contour{normalizerName(kind), numbersOf(errors[0]), numbersOf(errors[1]),
                                       numbersOf(errors.norm(2, {0}))};
        // Not of the drawn points: a narrow ellipse turns sharply between two of them.
        const at::Tensor axes = at::linalg_svdvals(normalizer.inverse());
        contour.ratio = (axes[0] / axes[1].clamp_min(1e-300)).item<double>();
        result.contours.push_back(std::move(contour));
    }
    return result;
}

}  // namespace vitrine
