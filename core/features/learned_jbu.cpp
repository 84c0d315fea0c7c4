#include "core/features/learned_jbu.h"

#include "core/features/checks.h"
#include "core/features/grid_resize.h"
#include "kernels/operators.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

Result<at::Tensor> find(const Tensors& tensors, const std::string& name, int64_t dimensions) {
    const auto entry = tensors.find(name);
    if (entry == tensors.end())
        return fail(ErrorCode::NotFound, "the upsampler's weights lack this tensor", name);
    if (entry->second.dim() != dimensions)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected {} dimensions, found {}", dimensions, sizesText(entry->second)),
                    name);
    return entry->second.to(at::kFloat);
}

// A 1x1 convolution's weight (out, in, 1, 1) with `in` and `out` as given (-1: any).
Result<at::Tensor> pointwise(const Tensors& tensors, const std::string& name, int64_t out, int64_t in) {
    VITRINE_TRY(auto weight, find(tensors, name, 4));
    if ((out >= 0 && weight.size(0) != out) || (in >= 0 && weight.size(1) != in) || weight.size(2) != 1 ||
        weight.size(3) != 1)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected [{}, {}, 1, 1], found {}", out, in, sizesText(weight)), name);
    return weight;
}

Result<LearnedJbuLevel> readLevel(const Tensors& tensors, const std::string& prefix) {
    LearnedJbuLevel level;
    VITRINE_TRY(level.keyWeight1, pointwise(tensors, prefix + "range_proj.0.weight", -1, 3));
    VITRINE_TRY(level.keyBias1, find(tensors, prefix + "range_proj.0.bias", 1));
    VITRINE_TRY(level.keyWeight2,
                pointwise(tensors, prefix + "range_proj.3.weight", -1, level.keyWeight1.size(0)));
    VITRINE_TRY(level.keyBias2, find(tensors, prefix + "range_proj.3.bias", 1));
    VITRINE_TRY(auto temperature, find(tensors, prefix + "range_temp", 0));
    VITRINE_TRY(auto sigma, find(tensors, prefix + "sigma_spatial", 0));
    level.temperature = std::clamp(std::exp(temperature.item<double>()), 1e-4, 1e4);
    level.sigmaSpatial = std::abs(sigma.item<double>());  // it enters squared
    if (!(level.sigmaSpatial > 0))
        return fail(ErrorCode::InvalidFile, "the width of the spatial kernel is zero",
                    prefix + "sigma_spatial");
    if (!tensors.count(prefix + "fixup_proj.0.weight"))
        return level;
    VITRINE_TRY(level.fixWeight1, pointwise(tensors, prefix + "fixup_proj.0.weight", -1, -1));
    const int64_t taps = level.fixWeight1.size(1) - 3;
    level.radius = (int64_t(std::lround(std::sqrt(double(std::max<int64_t>(taps, 1))))) - 1) / 2;
    if ((2 * level.radius + 1) * (2 * level.radius + 1) != taps || level.radius > 7)
        return fail(
            ErrorCode::ShapeMismatch,
            fmt::format("expected D*D + 3 inputs with odd D up to 15, found {}", level.fixWeight1.size(1)),
            prefix + "fixup_proj.0.weight");
    VITRINE_TRY(level.fixBias1, find(tensors, prefix + "fixup_proj.0.bias", 1));
    VITRINE_TRY(level.fixWeight2,
                pointwise(tensors, prefix + "fixup_proj.3.weight", taps, level.fixWeight1.size(0)));
    VITRINE_TRY(level.fixBias2, find(tensors, prefix + "fixup_proj.3.bias", 1));
    return level;
}

// A 1x1 convolution as one matrix product per picture.
at::Tensor mix(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    const auto flat = x.flatten(2);
    const auto out = at::matmul(weight.flatten(1), flat) + bias.unsqueeze(1);
    return out.reshape({x.size(0), weight.size(0), x.size(2), x.size(3)});
}

}  // namespace

at::Tensor LearnedJbuLevel::keys(const at::Tensor& guidance) const {
    return mix(at::gelu(mix(guidance, keyWeight1, keyBias1)), keyWeight2, keyBias2);
}

at::Tensor LearnedJbuLevel::rangeKernel(const at::Tensor& guidance) const {
    // A spatial kernel of infinite width leaves the softmax.
    return kernels::jbuLearnedTaps(keys(guidance), temperature, 1e9, radius);
}

at::Tensor LearnedJbuLevel::spatialKernel() const {
    const auto axis = at::linspace(-1, 1, 2 * radius + 1);
    const auto square = axis.square().unsqueeze(1) + axis.square().unsqueeze(0);
    return (-square / (2 * sigmaSpatial * sigmaSpatial)).exp().reshape({1, -1, 1, 1});
}

at::Tensor LearnedJbuLevel::taps(const at::Tensor& guidance) const {
    auto taps = kernels::jbuLearnedTaps(keys(guidance), temperature, sigmaSpatial, radius);
    if (!fixWeight1.defined())
        return taps;
    const auto hidden = at::gelu(mix(at::cat({taps, guidance}, 1), fixWeight1, fixBias1));
    return taps.add_(mix(hidden, fixWeight2, fixBias2), 0.1);
}

at::Tensor LearnedJbuLevel::upsample(const at::Tensor& source, const at::Tensor& guidance) const {
    const auto larger = resizeGrid(source, guidance.size(2), guidance.size(3), GridFilter::Bicubic);
    return kernels::jbuApply(larger, taps(guidance));
}

Result<LearnedJbu> LearnedJbu::fromTensors(const Tensors& tensors) {
    LearnedJbu stack;
    for (int64_t index = 1; tensors.count(fmt::format("up{}.range_temp", index)); ++index) {
        VITRINE_TRY(auto level, readLevel(tensors, fmt::format("up{}.", index)));
        stack.levels_.push_back(std::move(level));
    }
    if (stack.levels_.empty())
        return fail(ErrorCode::NotFound, "the upsampler's weights hold no level", "up1.range_temp");
    if (tensors.count("fixup_proj.1.weight")) {
        VITRINE_TRY(auto weight, pointwise(tensors, "fixup_proj.1.weight", -1, -1));
        VITRINE_TRY(stack.finalBias_, find(tensors, "fixup_proj.1.bias", 1));
        if (weight.size(0) != weight.size(1) || stack.finalBias_.size(0) != weight.size(0))
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("expected a square layer, found {}", sizesText(weight)),
                        "fixup_proj.1.weight");
        stack.finalWeight_ = weight.flatten(1);
    }
    return stack;
}

Result<JbuTaps> LearnedJbu::taps(const at::Tensor& guidance, int64_t gridHeight, int64_t gridWidth) const {
    VITRINE_TRY_VOID(checkFinite(guidance, 3, "guidance picture"));
    const auto picture = guidance.to(at::kFloat).unsqueeze(0);
    std::vector<at::Tensor> made;
    int64_t h = gridHeight, w = gridWidth;
    for (const auto& level : levels_) {
        h *= 2;
        w *= 2;
        made.push_back(level.taps(at::adaptive_avg_pool2d(picture, {h, w})));
    }
    return JbuTaps(std::move(made), gridHeight, gridWidth);
}

Result<at::Tensor> LearnedJbu::upsample(const at::Tensor& source, const at::Tensor& guidance) const {
    VITRINE_TRY_VOID(checkFeatures(source, 3, "feature map"));
    if (finalWeight_.defined() && finalWeight_.size(1) != source.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the upsampler was trained for {} channels, the map has {}",
                                finalWeight_.size(1), source.size(0)),
                    "learned upsampler");
    VITRINE_TRY(auto made, taps(guidance, source.size(1), source.size(2)));
    VITRINE_TRY(auto out, made.apply(source));
    if (!finalWeight_.defined())
        return out;
    const auto mixed = mix(out.unsqueeze(0), finalWeight_.unsqueeze(2).unsqueeze(3), finalBias_).squeeze(0);
    return out.add_(mixed, 0.1);
}

Result<LearnedJbu::FoldedProjection> LearnedJbu::fold(const at::Tensor& components) const {
    if (!finalWeight_.defined())
        return FoldedProjection{components, at::zeros({components.size(0)})};
    if (components.dim() != 2 || components.size(1) != finalWeight_.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the upsampler has {} channels, the basis {}", finalWeight_.size(0),
                                sizesText(components)),
                    "learned upsampler");
    return FoldedProjection{components + 0.1 * components.matmul(finalWeight_),
                            0.1 * components.matmul(finalBias_)};
}

}  // namespace vitrine
