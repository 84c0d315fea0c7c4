#include "core/media/preprocess.h"

#include "core/media/preprocess_geometry.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// Planes (3,H,W) of the resized picture in sample units: 0..255, or rescaled already where the family does
// that first.
Result<std::vector<float>> resizedPlanes(const Image& rgb, ImageSize size, const PreprocessConfig& config) {
    const auto planesOf = [](const Image& image, float factor) {
        const size_t pixels = size_t(image.width() * image.height());
        std::vector<float> planes(pixels * 3);
        const auto* samples = reinterpret_cast<const uint8_t*>(image.data());
        for (size_t i = 0; i < pixels; ++i)
            for (size_t c = 0; c < 3; ++c)
                planes[c * pixels + i] = float(samples[i * 3 + c]) * factor;
        return planes;
    };
    if (config.kind == ProcessorKind::Dinov3)
        return resizeFloat(planesOf(rgb, config.rescale ? float(config.rescaleFactor) : 1.0f), 3, rgb.size(),
                           size, config.resampling);
    VITRINE_TRY(const Image resized, resize(rgb, size, config.resampling));
    return planesOf(resized, 1.0f);
}

// The window of `size` whose top left corner lies at (left, top) of the planes; zeros outside.
std::vector<float> window(const std::vector<float>& planes, ImageSize from, ImageSize size, int64_t left,
                          int64_t top) {
    std::vector<float> out(size_t(3 * size.width * size.height), 0.0f);
    const int64_t begin = std::max<int64_t>(0, -left), end = std::min(size.width, from.width - left);
    for (int64_t c = 0; c < 3; ++c)
        for (int64_t y = std::max<int64_t>(0, -top);
             y < std::min(size.height, from.height - top) && begin < end; ++y)
            std::copy_n(&planes[size_t((c * from.height + y + top) * from.width + left + begin)], end - begin,
                        &out[size_t((c * size.height + y) * size.width + begin)]);
    return out;
}

// Left or top edge of a centre crop; a smaller picture is padded with the odd pixel at the right.
int64_t cropOffset(int64_t have, int64_t want) {
    return have >= want ? (have - want) / 2 : -((want - have) / 2);
}

// (value - mean) / std with mean and std of [0,1] values, in one step from sample units.
void rescaleAndNormalize(PreprocessedImage& out, const PreprocessConfig& config, bool normalize) {
    const bool rescaledAlready = config.kind == ProcessorKind::Dinov3 || !config.rescale;
    const double unit = rescaledAlready ? 1.0 : config.rescaleFactor;
    if (normalize) {
        out.mean = config.mean;
        out.std = config.std;
    }
    const size_t plane = out.pixels.size() / 3;
    for (size_t c = 0; c < 3; ++c) {
        const float mean = float(out.mean[c] / unit), std = float(out.std[c] / unit);
        for (size_t i = 0; i < plane; ++i)
            out.pixels[c * plane + i] = (out.pixels[c * plane + i] - mean) / std;
    }
    // modelInputAsImage multiplies by 255: without rescaling the samples are 0..255 as they are.
    if (!config.rescale)
        for (size_t c = 0; c < 3; ++c) {
            out.mean[c] /= 255.0;
            out.std[c] /= 255.0;
        }
}

void cutIntoPatches(PreprocessedImage& out, int64_t patch, int64_t maxPatches) {
    const int64_t down = out.height / patch, across = out.width / patch, values = patch * patch * 3;
    out.spatialShape = {down, across};
    out.patchMask.assign(size_t(maxPatches), 0);
    std::fill_n(out.patchMask.begin(), down * across, 1);
    out.patches.assign(size_t(maxPatches * values), 0.0f);
    for (int64_t c = 0; c < 3; ++c)
        for (int64_t y = 0; y < out.height; ++y)
            for (int64_t x = 0; x < out.width; ++x) {
                const int64_t index = (y / patch) * across + x / patch;
                const int64_t inside = ((y % patch) * patch + x % patch) * 3 + c;
                out.patches[size_t(index * values + inside)] =
                    out.pixels[size_t((c * out.height + y) * out.width + x)];
            }
}

}  // namespace

Result<void> PreprocessOverride::validate() const {
    if (targetSize && shortSide)
        return fail(ErrorCode::InvalidArgument, "a target size and a short side were both given",
                    "preprocess", "Give one of them");
    if (targetSize && (targetSize->width < 1 || targetSize->height < 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the target size {}x{} has no pixels", targetSize->width, targetSize->height),
                    "preprocess");
    if (shortSide.value_or(1) < 1 || multipleOf < 1 || patchSize < 1 || prefixTokenCount < 0 ||
        maxPatches.value_or(1) < 1)
        return fail(ErrorCode::InvalidArgument,
                    "short side, multiple, patch size and number of patches must be at least 1",
                    "preprocess");
    return {};
}

Result<PreprocessedImage> preprocess(const Image& image, const PreprocessConfig& config,
                                     const PreprocessOverride& change) {
    VITRINE_TRY_VOID(change.validate());
    if (image.empty())
        return fail(ErrorCode::InvalidArgument, "the picture has no pixels", "preprocess");
    VITRINE_TRY(const auto geometry, preprocessGeometry(image.size(), config, change));
    // A huge picture that is RGB already is not copied.
    const bool isRgb8 = image.sampleType() == SampleType::U8 && image.channels() == 3;
    const Image converted = isRgb8 ? Image() : image.toRgb8();
    VITRINE_TRY(auto planes, resizedPlanes(isRgb8 ? image : converted, geometry.resized, config));

    PreprocessedImage out;
    out.originalSize = image.size();
    out.resizedSize = geometry.resized;
    ImageTransform& transform = out.transform;
    transform.imageSize = image.size();
    transform.scale = {double(geometry.resized.width) / double(image.width()),
                       double(geometry.resized.height) / double(image.height())};
    ImageSize content = geometry.resized;
    if (geometry.crop) {
        const int64_t left = cropOffset(content.width, geometry.crop->width);
        const int64_t top = cropOffset(content.height, geometry.crop->height);
        planes = window(planes, content, *geometry.crop, left, top);
        transform.offset = {double(-left), double(-top)};
        content = *geometry.crop;
    }
    out.pixels = std::move(planes);
    rescaleAndNormalize(out, config, config.normalize && !change.unnormalized);
    if (geometry.padded != content) {
        out.pixels = window(out.pixels, content, geometry.padded, -geometry.padLeft, -geometry.padTop);
        transform.offset.x += double(geometry.padLeft);
        transform.offset.y += double(geometry.padTop);
    }
    out.height = geometry.padded.height;
    out.width = geometry.padded.width;
    transform.modelSize = geometry.padded;
    transform.patchSize = config.kind == ProcessorKind::Siglip2 ? config.patchSize : change.patchSize;
    transform.prefixTokenCount = change.prefixTokenCount;
    if (config.kind == ProcessorKind::Siglip2) {
        const int64_t used = (out.height / config.patchSize) * (out.width / config.patchSize);
        cutIntoPatches(out, config.patchSize, std::max(used, change.maxPatches.value_or(config.maxPatches)));
    }
    return out;
}

Image modelInputAsImage(const PreprocessedImage& input) {
    Image image({input.width, input.height}, 3, SampleType::U8);
    const size_t plane = size_t(input.width * input.height);
    auto* samples = reinterpret_cast<uint8_t*>(image.data());
    for (size_t c = 0; c < 3; ++c)
        for (size_t i = 0; i < plane; ++i) {
            const double value = (double(input.pixels[c * plane + i]) * input.std[c] + input.mean[c]) * 255.0;
            samples[i * 3 + c] = uint8_t(std::lround(std::clamp(value, 0.0, 255.0)));
        }
    return image;
}

}  // namespace vitrine
