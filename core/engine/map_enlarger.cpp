#include "core/engine/map_enlarger.h"

#include "core/features/upsampler_registry.h"
#include "core/media/resample.h"

namespace vitrine {
namespace {

// (3, H, W) in [0, 1].
at::Tensor tensorFrom(const Image& rgb) {
    return at::from_blob(const_cast<std::byte*>(rgb.data()), {rgb.height(), rgb.width(), 3}, at::kByte)
               .permute({2, 0, 1})
               .to(at::kFloat) /
           255;
}

// Null for the built-in ones.
const FeatureUpsampler* registeredUpsampler(const std::string& name) {
    for (const FeatureUpsampler& upsampler : UpsamplerRegistry::instance().all())
        if (upsampler.name == name)
            return &upsampler;
    return nullptr;
}

}  // namespace

bool enlargesLinearly(const std::string& name) {
    const FeatureUpsampler* upsampler = registeredUpsampler(name);
    return !upsampler || upsampler->linear;
}

Result<at::Tensor> MapEnlarger::guidance(const FeatureSource& source, const StoredModel& model,
                                         ImageSize size) {
    // What the model saw, not the picture: features and guidance are then aligned to the pixel.
    VITRINE_TRY(const PreprocessedImage input, pictures_.prepare(model, source));
    VITRINE_TRY(const Image resized, resize(modelInputAsImage(input), size, Resampling::Bicubic));
    return tensorFrom(resized);
}

Result<std::shared_ptr<const JbuTaps>> MapEnlarger::tapsFor(const FeatureSource& source,
                                                            const StoredModel& model, ImageSize size,
                                                            ImageSize grid) {
    const std::string key =
        fmt::format("{}|{}|{}|{}|{}|{}x{}|{}x{}", source.imagePath, model.description.id, source.resolution,
                    source.square, source.trainedUpsampler, size.width, size.height, grid.width, grid.height);
    if (const auto* cached = taps_.find(key))
        return *cached;
    VITRINE_TRY(const at::Tensor guide, guidance(source, model, size));
    VITRINE_TRY(JbuTaps taps, JbuTaps::guided(guide, grid.height, grid.width));
    auto shared = std::make_shared<const JbuTaps>(std::move(taps));
    return taps_.insert(key, shared, shared->byteCount());
}

Result<at::Tensor> MapEnlarger::enlargeWhole(const MapRequest& request, const StoredModel& model,
                                             const at::Tensor& map, ImageSize size) {
    if (request.upsampler == "jbu") {
        VITRINE_TRY(const auto taps, tapsFor(request.source, model, size, {map.size(2), map.size(1)}));
        return taps->apply(map);
    }
    if (const FeatureUpsampler* upsampler = registeredUpsampler(request.upsampler)) {
        VITRINE_TRY(const at::Tensor guide, guidance(request.source, model, size));
        VITRINE_TRY(const at::Tensor enlarged, upsampler->upsample(map, guide));
        if (enlarged.dim() != 3 || enlarged.size(0) != map.size(0) || enlarged.size(1) != size.height ||
            enlarged.size(2) != size.width)
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("the upsampler did not give {} channels of {} x {}", map.size(0),
                                    size.width, size.height),
                        request.upsampler);
        return enlarged.to(at::kFloat);
    }
    const ResizeMode mode = request.upsampler == "nearest"    ? ResizeMode::Nearest
                            : request.upsampler == "bilinear" ? ResizeMode::Bilinear
                                                              : ResizeMode::Bicubic;
    return resizeFeatures(map, size.height, size.width, mode);
}

Result<at::Tensor> MapEnlarger::enlarge(const MapRequest& request, const StoredModel& model,
                                        const at::Tensor& map, const ImageTransform& transform) {
    if (request.upsampler == "none" || request.outputSize.width < 1 || request.outputSize.height < 1)
        return map;
    // Output pixels per model pixel; the whole model input is enlarged, then the picture's part of it is
    // taken.
    const double perModelX =
        double(request.outputSize.width) / (double(transform.imageSize.width) * transform.scale.x);
    const double perModelY =
        double(request.outputSize.height) / (double(transform.imageSize.height) * transform.scale.y);
    const ImageSize whole{
        std::max<int64_t>(map.size(2), std::llround(double(transform.modelSize.width) * perModelX)),
        std::max<int64_t>(map.size(1), std::llround(double(transform.modelSize.height) * perModelY))};
    VITRINE_TRY(const at::Tensor enlarged, enlargeWhole(request, model, map, whole));
    const int64_t left = std::llround(transform.offset.x * perModelX),
                  top = std::llround(transform.offset.y * perModelY);
    if (left == 0 && top == 0 && enlarged.size(2) == request.outputSize.width &&
        enlarged.size(1) == request.outputSize.height)
        return enlarged;
    // Where the model saw nothing (cropped away) the map says nothing: NaN.
    at::Tensor canvas = at::full({map.size(0), request.outputSize.height, request.outputSize.width},
                                 std::numeric_limits<float>::quiet_NaN());
    const int64_t fromX = std::max<int64_t>(0, left), fromY = std::max<int64_t>(0, top);
    const int64_t toX = std::max<int64_t>(0, -left), toY = std::max<int64_t>(0, -top);
    const int64_t width = std::min(enlarged.size(2) - fromX, canvas.size(2) - toX),
                  height = std::min(enlarged.size(1) - fromY, canvas.size(1) - toY);
    if (width > 0 && height > 0)
        canvas.narrow(1, toY, height)
            .narrow(2, toX, width)
            .copy_(enlarged.narrow(1, fromY, height).narrow(2, fromX, width));
    return canvas;
}

}  // namespace vitrine
