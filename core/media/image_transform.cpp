#include "core/media/image_transform.h"

#include <cmath>

namespace vitrine {
namespace {

Json sizeToJson(ImageSize size) {
    return {{"width", size.width}, {"height", size.height}};
}
Json pointToJson(Point2 point) {
    return {{"x", point.x}, {"y", point.y}};
}

Result<ImageSize> sizeFromJson(const Json& json, std::string_view key) {
    VITRINE_TRY(const auto object, jsonValue<Json>(json, key, "transform"));
    const std::string where = fmt::format("transform/{}", key);
    ImageSize size;
    VITRINE_TRY(size.width, jsonValue<int64_t>(object, "width", where));
    VITRINE_TRY(size.height, jsonValue<int64_t>(object, "height", where));
    if (size.width < 0 || size.height < 0)
        return fail(ErrorCode::InvalidFile, "a size must not be negative", where);
    return size;
}

Result<Point2> pointFromJson(const Json& json, std::string_view key) {
    VITRINE_TRY(const auto object, jsonValue<Json>(json, key, "transform"));
    const std::string where = fmt::format("transform/{}", key);
    Point2 point;
    VITRINE_TRY(point.x, jsonValue<double>(object, "x", where));
    VITRINE_TRY(point.y, jsonValue<double>(object, "y", where));
    return point;
}

}  // namespace

Point2 ImageTransform::modelFromImage(Point2 inImage) const {
    return {inImage.x * scale.x + offset.x, inImage.y * scale.y + offset.y};
}

Point2 ImageTransform::imageFromModel(Point2 inModel) const {
    return {(inModel.x - offset.x) / scale.x, (inModel.y - offset.y) / scale.y};
}

Point2 ImageTransform::patchFromImage(Point2 inImage) const {
    const Point2 inModel = modelFromImage(inImage);
    return {inModel.x / double(patchSize), inModel.y / double(patchSize)};
}

Point2 ImageTransform::imageFromPatch(Point2 inPatch) const {
    return imageFromModel({inPatch.x * double(patchSize), inPatch.y * double(patchSize)});
}

std::optional<int64_t> ImageTransform::tokenFromImage(Point2 inImage) const {
    const Point2 inPatch = patchFromImage(inImage);
    // Written so that NaN is outside.
    if (!(inPatch.x >= 0 && inPatch.y >= 0 && inPatch.x < double(gridWidth()) &&
          inPatch.y < double(gridHeight())))
        return std::nullopt;
    return prefixTokenCount + int64_t(inPatch.y) * gridWidth() + int64_t(inPatch.x);
}

std::optional<Point2> ImageTransform::imageFromToken(int64_t token) const {
    const int64_t patch = token - prefixTokenCount;
    if (patch < 0 || patch >= gridWidth() * gridHeight())
        return std::nullopt;
    const int64_t row = patch / gridWidth(), column = patch % gridWidth();
    return imageFromPatch({double(column) + 0.5, double(row) + 0.5});
}

Json ImageTransform::toJson() const {
    return {{"image_size", sizeToJson(imageSize)},
            {"model_size", sizeToJson(modelSize)},
            {"scale", pointToJson(scale)},
            {"offset", pointToJson(offset)},
            {"patch_size", patchSize},
            {"prefix_tokens", prefixTokenCount}};
}

Result<ImageTransform> ImageTransform::fromJson(const Json& json) {
    ImageTransform transform;
    VITRINE_TRY(transform.imageSize, sizeFromJson(json, "image_size"));
    VITRINE_TRY(transform.modelSize, sizeFromJson(json, "model_size"));
    VITRINE_TRY(transform.scale, pointFromJson(json, "scale"));
    VITRINE_TRY(transform.offset, pointFromJson(json, "offset"));
    VITRINE_TRY(transform.patchSize, jsonValue<int64_t>(json, "patch_size", "transform"));
    VITRINE_TRY(transform.prefixTokenCount, jsonValue<int64_t>(json, "prefix_tokens", "transform"));
    if (!(transform.scale.x > 0) || !(transform.scale.y > 0))
        return fail(ErrorCode::InvalidFile, "the scale must be positive", "transform/scale");
    if (transform.patchSize < 1 || transform.prefixTokenCount < 0)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("patch_size must be at least 1 and prefix_tokens at least 0; found {} and {}",
                                transform.patchSize, transform.prefixTokenCount),
                    "transform");
    return transform;
}

}  // namespace vitrine
