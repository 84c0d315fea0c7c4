#include "core/distill/normalizer.h"

#include "core/base/check.h"
#include "core/base/nearest.h"
#include "core/features/checks.h"

#include <algorithm>

namespace vitrine {
namespace {

struct KindName {
    NormalizerKind kind;
    const char* name;
};
constexpr KindName kNames[] = {{NormalizerKind::None, "none"},
                               {NormalizerKind::Global, "global"},
                               {NormalizerKind::Standardise, "standardise"},
                               {NormalizerKind::PcaWhiten, "pca-whiten"},
                               {NormalizerKind::Zca, "zca"},
                               {NormalizerKind::HadamardWhiten, "hadamard-whiten"},
                               {NormalizerKind::PhiS, "phi-s"}};

// (C) as a vector along the channels of tokens (..., C) or of maps (B, C, h, w).
at::Tensor alongChannels(const at::Tensor& values, bool maps) {
    return maps ? values.reshape({-1, 1, 1}) : values;
}

at::Tensor times(const at::Tensor& matrix, const at::Tensor& x, bool maps) {
    if (!maps)
        return x.matmul(matrix.t());
    return matrix.matmul(x.flatten(2)).reshape(x.sizes());
}

}  // namespace

const std::vector<NormalizerKind>& allNormalizerKinds() {
    static const std::vector<NormalizerKind> kinds = [] {
        std::vector<NormalizerKind> list;
        for (const KindName& entry : kNames)
            list.push_back(entry.kind);
        return list;
    }();
    return kinds;
}

const char* normalizerName(NormalizerKind kind) {
    for (const KindName& entry : kNames)
        if (entry.kind == kind)
            return entry.name;
    return "none";
}

Result<NormalizerKind> normalizerFromName(const std::string& name) {
    std::vector<std::string> known;
    for (const KindName& entry : kNames) {
        if (name == entry.name)
            return entry.kind;
        known.emplace_back(entry.name);
    }
    const auto nearest = nearestName(name, known);
    return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is not a normaliser", name), "normalizer",
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest)
                        : fmt::format("Known: {}", fmt::join(known, ", ")));
}

std::vector<std::string> NormalizerReport::remarks() const {
    std::vector<std::string> list;
    if (fewerSamplesThanChannels && numericalRank > 0)
        list.push_back(
            fmt::format("{} vectors cannot show every direction of the channels: {} can be told from zero",
                        sampleCount, numericalRank));
    if (!constantChannels.empty())
        list.push_back(fmt::format("{} channels are constant (the first: {})", constantChannels.size(),
                                   constantChannels.front()));
    if (raisedDirections > 0)
        list.push_back(
            fmt::format("{} directions with a variance below {:.3g} were given that variance: after "
                        "normalisation they stay below 1",
                        raisedDirections, floor));
    if (approximateRotation)
        list.push_back(
            "no Hadamard matrix of this order can be built: a random rotation stands in, which makes channel "
            "variances only nearly equal");
    return list;
}

bool Normalizer::isIsotropic() const {
    return kind_ == NormalizerKind::None || kind_ == NormalizerKind::Global || kind_ == NormalizerKind::PhiS;
}

at::Tensor Normalizer::matrix() const {
    if (rotation_.defined())
        return alpha_ * rotation_;
    return scale_.defined() ? scale_.diag() : alpha_ * at::eye(channels(), at::kDouble);
}

at::Tensor Normalizer::inverse() const {
    if (inverseRotation_.defined())
        return inverseRotation_ / alpha_;
    return scale_.defined() ? scale_.reciprocal().diag() : at::eye(channels(), at::kDouble) / alpha_;
}

Normalizer::Applied Normalizer::appliedFor(const at::TensorOptions& options) const {
    if (ready_.mean.defined() && ready_.mean.options().type_equal(options) &&
        ready_.mean.device() == options.device())
        return ready_;
    // Products in float64, then rounded: W and Θ stay inverses of each other as closely as the type allows.
    const auto scalar = [](double value) { return at::full({}, value, at::kDouble); };
    at::Tensor forward = scalar(alpha_), inverse = scalar(1 / alpha_);
    if (rotation_.defined()) {
        forward = rotation_ * alpha_;
        inverse = inverseRotation_ / alpha_;
    } else if (scale_.defined()) {
        forward = scale_;
        inverse = scale_.reciprocal();
    }
    return {mean_.to(options), forward.to(options), inverse.to(options)};
}

Normalizer Normalizer::readyFor(at::Device device, at::ScalarType type) const {
    Normalizer copy = *this;
    if (mean_.defined())
        copy.ready_ = appliedFor(at::TensorOptions(type).device(device));
    return copy;
}

at::Tensor Normalizer::apply(const at::Tensor& given, bool forward, bool withMean, bool maps) const {
    if (kind_ == NormalizerKind::None)
        return given;
    VITRINE_CHECK(maps ? given.dim() == 4 && given.size(1) == channels()
                       : given.dim() >= 1 && given.size(-1) == channels(),
                  fmt::format("features {} do not have the {} channels of this normaliser", sizesText(given),
                              channels()));
    const auto type = given.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const Applied applied = appliedFor(at::TensorOptions(type).device(given.device()));
    const at::Tensor& matrix = forward ? applied.forward : applied.inverse;
    auto x = given.to(type);
    if (withMean && forward)
        x = x - alongChannels(applied.mean, maps);
    if (matrix.dim() == 2)
        x = times(matrix, x, maps);
    else
        x = x * (matrix.dim() == 1 ? alongChannels(matrix, maps) : matrix);
    return withMean && !forward ? x + alongChannels(applied.mean, maps) : x;
}

at::Tensor Normalizer::normalize(const at::Tensor& x) const {
    return apply(x, true, true, false);
}
at::Tensor Normalizer::denormalize(const at::Tensor& x) const {
    return apply(x, false, true, false);
}
at::Tensor Normalizer::normalizeMaps(const at::Tensor& maps) const {
    return apply(maps, true, true, true);
}
at::Tensor Normalizer::denormalizeMaps(const at::Tensor& maps) const {
    return apply(maps, false, true, true);
}
at::Tensor Normalizer::errorInTeacherSpace(const at::Tensor& errors) const {
    return apply(errors, false, false, false);
}

at::Tensor Normalizer::expectedVariances(const at::Tensor& covariance) const {
    const auto sigma = covariance.to(at::kCPU, at::kDouble);
    if (rotation_.defined())
        // A covariance of fewer samples than channels has eigenvalues of 0 that rounding makes negative: no
        // variance is.
        return ((rotation_.matmul(sigma) * rotation_).sum(1) * (alpha_ * alpha_)).clamp_min(0);
    return sigma.diagonal() *
           (scale_.defined() ? scale_.square() : at::full({1}, alpha_ * alpha_, at::kDouble));
}

Result<FoldedLinear> Normalizer::foldInto(const at::Tensor& weight, const at::Tensor& bias,
                                          int64_t upsampleFactor) const {
    VITRINE_TRY_VOID(checkFeatures(weight, 2, "weight of the last layer"));
    const int64_t rows = weight.size(0), groups = upsampleFactor * upsampleFactor;
    if (upsampleFactor < 1 || rows % groups != 0 ||
        (kind_ != NormalizerKind::None && rows != groups * channels()))
        return fail(
            ErrorCode::ShapeMismatch,
            fmt::format("a head that enlarges by {} and is normalised over {} channels has {} rows, found {}",
                        upsampleFactor, channels(), groups * channels(), rows),
            "weight of the last layer");
    if (bias.defined() && (bias.dim() != 1 || bias.size(0) != rows))
        return fail(ErrorCode::ShapeMismatch, fmt::format("expected [{}], found {}", rows, sizesText(bias)),
                    "bias of the last layer");
    // Rows of a group are its channels: columns of V are vectors of normalised space, without a mean.
    const int64_t width = rows / groups;
    const auto columns = weight.detach().to(at::kDouble).reshape({groups, width, -1}).transpose(1, 2);
    const auto offsets = bias.defined() ? bias.detach().to(at::kDouble).reshape({groups, width})
                                        : at::zeros({groups, width}, weight.options().dtype(at::kDouble));
    return FoldedLinear{errorInTeacherSpace(columns)
                            .transpose(1, 2)
                            .reshape(weight.sizes())
                            .to(weight.scalar_type())
                            .contiguous(),
                        denormalize(offsets).reshape({rows}).to(weight.scalar_type())};
}

}  // namespace vitrine
