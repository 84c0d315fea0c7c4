#include "core/features/upsample.h"

#include "core/features/checks.h"
#include "core/features/grid_resize.h"
#include "kernels/operators.h"

namespace vitrine {

Result<at::Tensor> resizeFeatures(const at::Tensor& map, int64_t height, int64_t width, ResizeMode mode) {
    VITRINE_TRY_VOID(checkFeatures(map, 3, "feature map"));
    if (height < 1 || width < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a positive size, found {} x {}", width, height), "upsampling");
    const auto batch = map.unsqueeze(0);
    switch (mode) {
        case ResizeMode::Nearest:
            return at::upsample_nearest2d(batch, {height, width}).squeeze(0);
        case ResizeMode::Bilinear:
            return resizeGrid(batch, height, width, GridFilter::Bilinear).squeeze(0);
        case ResizeMode::Bicubic:
            break;
    }
    return resizeGrid(batch, height, width, GridFilter::Bicubic).squeeze(0);
}

Result<void> JbuOptions::validate() const {
    if (radius < 1 || radius > 7)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 1 to 7, found {}", radius), "radius");
    if (!(sigmaSpatial > 0) || !(sigmaRange > 0))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected positive widths, found {} and {}", sigmaSpatial, sigmaRange),
                    "sigmaSpatial, sigmaRange");
    return {};
}

std::vector<std::pair<int64_t, int64_t>> jbuLevelSizes(int64_t gridHeight, int64_t gridWidth, int64_t height,
                                                       int64_t width) {
    std::vector<std::pair<int64_t, int64_t>> sizes;
    int64_t h = gridHeight, w = gridWidth;
    do {
        h = std::min(2 * h, height);
        w = std::min(2 * w, width);
        sizes.emplace_back(h, w);
    } while (h < height || w < width);
    return sizes;
}

Result<JbuTaps> JbuTaps::guided(const at::Tensor& guidance, int64_t gridHeight, int64_t gridWidth,
                                const JbuOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkFinite(guidance, 3, "guidance picture"));
    const int64_t height = guidance.size(1), width = guidance.size(2);
    if (gridHeight < 1 || gridWidth < 1 || height < gridHeight || width < gridWidth)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the picture ({} x {}) is smaller than the feature grid ({} x {})", width,
                                height, gridWidth, gridHeight),
                    "joint bilateral upsampling");
    const auto picture = guidance.to(at::kFloat).unsqueeze(0);
    std::vector<at::Tensor> levels;
    for (const auto& [h, w] : jbuLevelSizes(gridHeight, gridWidth, height, width)) {
        const auto small = h == height && w == width ? picture : at::adaptive_avg_pool2d(picture, {h, w});
        levels.push_back(kernels::jbuGuidedTaps(small, options.sigmaSpatial, options.sigmaRange,
                                                options.radius, options.halfTaps));
    }
    return JbuTaps(std::move(levels), gridHeight, gridWidth);
}

JbuTaps::JbuTaps(std::vector<at::Tensor> levels, int64_t gridHeight, int64_t gridWidth)
    : levels_(std::move(levels)), gridHeight_(gridHeight), gridWidth_(gridWidth) {}

int64_t JbuTaps::height() const {
    return levels_.back().size(2);
}
int64_t JbuTaps::width() const {
    return levels_.back().size(3);
}

int64_t JbuTaps::byteCount() const {
    int64_t bytes = 0;
    for (const auto& level : levels_)
        bytes += int64_t(level.nbytes());
    return bytes;
}

Result<at::Tensor> JbuTaps::apply(const at::Tensor& map) const {
    VITRINE_TRY_VOID(checkFeatures(map, 3, "feature map"));
    if (map.size(1) != gridHeight_ || map.size(2) != gridWidth_)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the taps are for a grid of {} x {}, the map is {} x {}", gridHeight_,
                                gridWidth_, map.size(1), map.size(2)),
                    "joint bilateral upsampling");
    auto current = map.unsqueeze(0).to(at::kFloat);
    for (const auto& taps : levels_) {
        current = resizeGrid(current, taps.size(2), taps.size(3), GridFilter::Bicubic);
        current = kernels::jbuApply(current, taps);
    }
    return current.squeeze(0);
}

}  // namespace vitrine
