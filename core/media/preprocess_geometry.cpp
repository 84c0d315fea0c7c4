#include "core/media/preprocess_geometry.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kMaxSide = 1 << 16;

int64_t roundUp(int64_t value, int64_t step) {
    return (value + step - 1) / step * step;
}
int64_t nearestMultiple(int64_t value, int64_t step) {
    return std::max(step, int64_t(std::lround(double(value) / double(step))) * step);
}

// The long side is truncated, as torchvision does; an upper limit on it wins over the short side.
ImageSize shortestEdgeSize(ImageSize image, int64_t shortest, std::optional<int64_t> longest) {
    const int64_t low = std::min(image.width, image.height), high = std::max(image.width, image.height);
    int64_t newLow = shortest, newHigh = int64_t(double(shortest) * double(high) / double(low));
    if (longest && newHigh > *longest) {
        newLow = int64_t(double(*longest) * double(newLow) / double(newHigh));
        newHigh = *longest;
    }
    newLow = std::max<int64_t>(newLow, 1);
    return image.width <= image.height ? ImageSize{newLow, newHigh} : ImageSize{newHigh, newLow};
}

ImageSize longestEdgeSize(ImageSize image, int64_t longest) {
    const double scale = double(longest) / double(std::max(image.width, image.height));
    return {std::max<int64_t>(1, int64_t(double(image.width) * scale + 0.5)),
            std::max<int64_t>(1, int64_t(double(image.height) * scale + 0.5))};
}

// DPT: the side that needs the smaller change decides; halves go to the even multiple (Python's round).
ImageSize dptSize(ImageSize image, const PreprocessConfig& config) {
    double across = double(config.size->width) / double(image.width);
    double down = double(config.size->height) / double(image.height);
    if (config.keepAspectRatio)
        across = down = std::abs(1 - across) < std::abs(1 - down) ? across : down;
    const double step = double(config.ensureMultipleOf);
    const auto side = [&](double value) {
        return std::max<int64_t>(config.ensureMultipleOf, int64_t(std::nearbyint(value / step) * step));
    };
    return {side(across * double(image.width)), side(down * double(image.height))};
}

// SigLIP2: the largest scale, found by bisection to 1e-5, at which the patches fit the budget.
ImageSize naflexSize(ImageSize image, int64_t patch, int64_t maxPatches) {
    constexpr double kPrecision = 1e-5;
    const auto side = [&](double scale, int64_t length) {
        const double scaled = scale * double(length) / double(patch);
        return std::max(patch, int64_t(std::ceil(scaled)) * patch);
    };
    double low = kPrecision / 10, high = 100.0;
    while (high - low >= kPrecision) {
        const double scale = (low + high) / 2;
        const int64_t count = (side(scale, image.height) / patch) * (side(scale, image.width) / patch);
        (count <= maxPatches ? low : high) = scale;
    }
    return {side(low, image.width), side(low, image.height)};
}

ImageSize configuredSize(ImageSize image, const PreprocessConfig& config) {
    if (!config.resize)
        return image;
    if (config.kind == ProcessorKind::Dpt && config.size)
        return dptSize(image, config);
    if (config.size)
        return *config.size;
    if (config.shortestEdge)
        return shortestEdgeSize(image, *config.shortestEdge, config.longestEdge);
    return config.longestEdge ? longestEdgeSize(image, *config.longestEdge) : image;
}

PreprocessGeometry configuredGeometry(ImageSize image, const PreprocessConfig& config) {
    PreprocessGeometry geometry;
    geometry.resized = geometry.padded = configuredSize(image, config);
    if (config.centerCrop && config.cropSize)
        geometry.crop = geometry.padded = *config.cropSize;
    if (!config.pad)
        return geometry;
    if (config.padSize) {
        geometry.padded.width = std::max(geometry.padded.width, config.padSize->width);
        geometry.padded.height = std::max(geometry.padded.height, config.padSize->height);
    } else if (config.sizeDivisor) {
        const ImageSize before = geometry.padded;
        geometry.padded = {roundUp(before.width, *config.sizeDivisor),
                           roundUp(before.height, *config.sizeDivisor)};
        geometry.padLeft = (geometry.padded.width - before.width) / 2;
        geometry.padTop = (geometry.padded.height - before.height) / 2;
    }
    return geometry;
}

PreprocessGeometry changedGeometry(ImageSize image, const PreprocessOverride& change) {
    PreprocessGeometry geometry;
    if (change.shortSide) {
        // Both sides rounded to nearest: no crop follows that would hide the difference.
        const double scale = double(*change.shortSide) / double(std::min(image.width, image.height));
        geometry.resized = {std::max<int64_t>(1, std::lround(double(image.width) * scale)),
                            std::max<int64_t>(1, std::lround(double(image.height) * scale))};
        geometry.padded = geometry.resized;
    } else {
        geometry.resized = geometry.padded = *change.targetSize;
        if (change.keepAspect) {
            const double scale = std::min(double(change.targetSize->width) / double(image.width),
                                          double(change.targetSize->height) / double(image.height));
            geometry.resized = {
                std::clamp<int64_t>(std::lround(double(image.width) * scale), 1, change.targetSize->width),
                std::clamp<int64_t>(std::lround(double(image.height) * scale), 1, change.targetSize->height)};
        }
    }
    return geometry;
}

}  // namespace

Result<PreprocessGeometry> preprocessGeometry(ImageSize image, const PreprocessConfig& config,
                                              const PreprocessOverride& change) {
    PreprocessGeometry geometry;
    if (config.kind == ProcessorKind::Siglip2 && !change.targetSize && !change.shortSide) {
        const int64_t budget = change.maxPatches.value_or(config.maxPatches);
        geometry.resized = geometry.padded = naflexSize(image, config.patchSize, budget);
        if (geometry.padded.width / config.patchSize * (geometry.padded.height / config.patchSize) > budget)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("a picture of {}x{} cannot be cut into at most {} patches", image.width,
                                    image.height, budget));
    } else {
        geometry = change.targetSize || change.shortSide ? changedGeometry(image, change)
                                                         : configuredGeometry(image, config);
        const int64_t step = config.kind == ProcessorKind::Siglip2 ? config.patchSize : change.multipleOf;
        if (step > 1 && change.multipleRule == PreprocessOverride::MultipleRule::Pad) {
            geometry.padded = {roundUp(geometry.padded.width, step), roundUp(geometry.padded.height, step)};
        } else if (step > 1) {
            const bool samePadded = geometry.padded == geometry.resized;
            if (!geometry.crop && samePadded)
                geometry.resized = {nearestMultiple(geometry.resized.width, step),
                                    nearestMultiple(geometry.resized.height, step)};
            geometry.padded = samePadded && !geometry.crop ? geometry.resized
                                                           : ImageSize{roundUp(geometry.padded.width, step),
                                                                       roundUp(geometry.padded.height, step)};
        }
    }
    for (const ImageSize size : {geometry.resized, geometry.padded})
        if (size.width > kMaxSide || size.height > kMaxSide)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("preprocessing would give {}x{} pixels from {}x{}; the limit is {} a side",
                            size.width, size.height, image.width, image.height, kMaxSide));
    return geometry;
}

}  // namespace vitrine
