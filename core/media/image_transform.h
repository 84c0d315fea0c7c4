// The exact two-way mapping between a picture's pixels, the pixels the model saw, its patches and its tokens.
// Coordinates are continuous with pixel centres at half-integers: the first pixel spans [0,1), its centre is
// 0.5.
#pragma once

#include "core/base/json.h"
#include "core/media/image.h"

#include <cstdint>
#include <optional>

namespace vitrine {

struct Point2 {
    double x = 0;
    double y = 0;
    bool operator==(const Point2&) const = default;
};

// model = image * scale + offset, per axis: resize, centre crop (negative offset) and padding (content ends
// before the model input does) compose to this form.
struct ImageTransform {
    ImageSize imageSize;           // the picture as loaded
    ImageSize modelSize;           // the tensor given to the model, padding included
    Point2 scale{1, 1};            // model pixels per image pixel
    Point2 offset{0, 0};           // model position of the image's top left corner
    int64_t patchSize = 1;         // model pixels per patch (feature stride)
    int64_t prefixTokenCount = 0;  // class, summary and register tokens in front of the patch tokens

    Point2 modelFromImage(Point2 inImage) const;
    Point2 imageFromModel(Point2 inModel) const;
    // Patch coordinates are continuous too: patch (column 3, row 0) has its centre at (3.5, 0.5).
    Point2 patchFromImage(Point2 inImage) const;
    Point2 imageFromPatch(Point2 inPatch) const;
    int64_t gridWidth() const { return modelSize.width / patchSize; }
    int64_t gridHeight() const { return modelSize.height / patchSize; }
    // Token index of the patch that contains the point; nothing outside the model's input.
    std::optional<int64_t> tokenFromImage(Point2 inImage) const;
    // Centre of a token's patch in the image; nothing for prefix tokens and indices past the end.
    std::optional<Point2> imageFromToken(int64_t token) const;

    Json toJson() const;
    static Result<ImageTransform> fromJson(const Json& json);
    bool operator==(const ImageTransform&) const = default;
};

}  // namespace vitrine
