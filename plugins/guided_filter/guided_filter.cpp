#include "plugins/guided_filter/guided_filter.h"

#include "core/features/checks.h"
#include "core/features/upsample.h"

#include <algorithm>

namespace vitrine::guided {
namespace {

constexpr int64_t kChunkElements = int64_t(1) << 22;  // of one temporary map

// Means along one dimension over the window's places that lie on the picture, by running sums: the cost does
// not depend on the radius. In double: a sum over a row loses what a difference of two needs.
at::Tensor windowMean(const at::Tensor& maps, int64_t dimension, int64_t radius) {
    const int64_t size = maps.size(dimension);
    const at::Tensor sums = maps.cumsum(dimension, at::kDouble);
    const at::Tensor places = at::arange(size, maps.options().dtype(at::kLong));
    const at::Tensor last = (places + radius).clamp_max(size - 1), before = places - radius - 1;
    at::Tensor total = sums.index_select(dimension, last);
    // Windows that begin at the picture's edge have nothing to subtract.
    const int64_t inner = size - radius - 1;
    if (inner > 0)
        total.narrow(dimension, radius + 1, inner).sub_(sums.narrow(dimension, 0, inner));
    std::vector<int64_t> shape(size_t(maps.dim()), 1);
    shape[size_t(dimension)] = size;
    const at::Tensor counts = (last - before.clamp_min(-1)).to(at::kDouble).view(shape);
    return total.div_(counts).to(maps.scalar_type());
}

// maps (N, H, W); the mean over a square window is separable.
at::Tensor boxMean(const at::Tensor& maps, int64_t radius) {
    return windowMean(windowMean(maps, 2, radius), 1, radius);
}

// What depends on the guidance alone.
struct Guide {
    at::Tensor picture;  // I, (3, H, W)
    at::Tensor mean;     // of I
    at::Tensor inverse;  // (Sigma + epsilon)^-1, (3, 3, H, W)
};

Guide makeGuide(const at::Tensor& guidance, int64_t radius, double epsilon) {
    // In double: variances are differences of nearly equal numbers where the picture is flat.
    const at::Tensor picture = guidance.to(at::kDouble);
    const at::Tensor mean = boxMean(picture, radius);
    const int64_t height = picture.size(1), width = picture.size(2);
    const at::Tensor products = (picture.unsqueeze(0) * picture.unsqueeze(1)).reshape({9, height, width});
    at::Tensor s =
        boxMean(products, radius).view({3, 3, height, width}) - mean.unsqueeze(0) * mean.unsqueeze(1);
    for (int64_t i = 0; i < 3; ++i)
        s[i][i].add_(epsilon);
    // Symmetric 3 x 3 inverse by cofactors.
    const auto cofactor = [&](int64_t a, int64_t b, int64_t c, int64_t d) {
        return s[a][b] * s[c][d] - s[a][d] * s[c][b];
    };
    const at::Tensor xx = cofactor(1, 1, 2, 2), xy = -cofactor(0, 1, 2, 2), xz = cofactor(0, 1, 1, 2);
    const at::Tensor yy = cofactor(0, 0, 2, 2), yz = -cofactor(0, 0, 1, 2), zz = cofactor(0, 0, 1, 1);
    const at::Tensor determinant = s[0][0] * xx + s[0][1] * xy + s[0][2] * xz;
    const at::Tensor adjugate = at::stack({xx, xy, xz, xy, yy, yz, xz, yz, zz}).view({3, 3, height, width});
    return {picture.to(at::kFloat), mean.to(at::kFloat), (adjugate / determinant).to(at::kFloat)};
}

// p: (N, H, W), already at the guidance's size.
at::Tensor filter(const at::Tensor& p, const Guide& guide, int64_t radius) {
    // The filter commutes with adding a constant; without the channel's mean the covariances lose fewer
    // digits.
    const at::Tensor offset = p.mean({1, 2}, true);
    const at::Tensor centered = p - offset;
    const at::Tensor meanP = boxMean(centered, radius);
    std::vector<at::Tensor> covariance;
    for (int64_t i = 0; i < 3; ++i)
        covariance.push_back(boxMean(centered * guide.picture[i], radius) - guide.mean[i] * meanP);
    at::Tensor b = meanP, result = offset.expand_as(p).clone();
    for (int64_t i = 0; i < 3; ++i) {
        // a of eq. 19, component i; its mean over the windows that hold the pixel, eq. 21.
        const at::Tensor a = guide.inverse[i][0] * covariance[0] + guide.inverse[i][1] * covariance[1] +
                             guide.inverse[i][2] * covariance[2];
        b = b - a * guide.mean[i];
        result.add_(boxMean(a, radius) * guide.picture[i]);
    }
    return result.add_(boxMean(b, radius));
}

}  // namespace

Result<at::Tensor> upsample(const at::Tensor& features, const at::Tensor& guidance, const Options& options) {
    VITRINE_TRY_VOID(checkFeatures(features, 3, "feature map"));
    VITRINE_TRY_VOID(checkFinite(guidance, 3, "guidance picture"));
    const int64_t height = guidance.size(1), width = guidance.size(2);
    if (guidance.size(0) != 3)
        return fail(ErrorCode::ShapeMismatch, fmt::format("expected 3 colours, found {}", guidance.size(0)),
                    "guidance picture");
    if (height < features.size(1) || width < features.size(2))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the picture ({} x {}) is smaller than the feature grid ({} x {})", width,
                                height, features.size(2), features.size(1)),
                    "guided filter");
    if (options.radius < 0 || !(options.epsilon > 0))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a radius of at least 0 and a positive epsilon, found {} and {}",
                                options.radius, options.epsilon),
                    "guided filter");
    at::NoGradGuard noGrad;
    const int64_t cell = std::max(height / features.size(1), width / features.size(2));
    const int64_t radius = options.radius > 0 ? options.radius : std::max<int64_t>(1, cell);
    const Guide guide = makeGuide(guidance, radius, options.epsilon);
    const int64_t channels = features.size(0);
    const int64_t chunk = std::clamp<int64_t>(kChunkElements / (height * width), 1, channels);
    at::Tensor output = at::empty({channels, height, width}, guidance.options().dtype(at::kFloat));
    for (int64_t first = 0; first < channels; first += chunk) {
        const int64_t count = std::min(chunk, channels - first);
        VITRINE_TRY(const at::Tensor enlarged, resizeFeatures(features.narrow(0, first, count).to(at::kFloat),
                                                              height, width, ResizeMode::Bicubic));
        output.narrow(0, first, count).copy_(filter(enlarged, guide, radius));
    }
    return output;
}

}  // namespace vitrine::guided
