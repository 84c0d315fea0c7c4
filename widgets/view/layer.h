// One picture or map to be shown in a view, placed in the coordinates of the picture as loaded.
#pragma once

#include "core/media/color_map.h"
#include "core/media/image.h"
#include "core/media/image_transform.h"
#include "core/media/value_range.h"

#include <QRectF>
#include <memory>
#include <string>

namespace vitrine {

struct Display {
    bool scalar = false;  // first channel through the colour map; otherwise colours as they are
    ColorMap colorMap = ColorMap::Viridis;
    ValueRange range;     // raw values at the ends of the colour map
    double exposure = 0;  // stops, float colours only
    double gamma = 2.2;   // display gamma, float colours only
    bool smooth = false;  // linear instead of nearest where pixels are magnified
    bool operator==(const Display&) const = default;
};

struct Layer {
    std::shared_ptr<const Image> image;
    QRectF rectInImage;  // the part of the picture that `image` covers
    Display display;
    std::string unit;  // of scalar values: "cosine"
    // The same picture, placed and displayed the same way.
    bool operator==(const Layer&) const = default;

    bool isEmpty() const { return !image || image->empty(); }
    // Continuous pixel position of this layer under a picture position, and back.
    QPointF layerFromImage(QPointF inImage) const {
        return {(inImage.x() - rectInImage.x()) / rectInImage.width() * double(image->width()),
                (inImage.y() - rectInImage.y()) / rectInImage.height() * double(image->height())};
    }
    QPointF imageFromLayer(QPointF inLayer) const {
        return {rectInImage.x() + inLayer.x() / double(image->width()) * rectInImage.width(),
                rectInImage.y() + inLayer.y() / double(image->height()) * rectInImage.height()};
    }
};

// Where a map of the model's whole input lies in the picture.
inline QRectF modelRectInImage(const ImageTransform& transform) {
    const Point2 topLeft = transform.imageFromModel({0, 0});
    const Point2 bottomRight =
        transform.imageFromModel({double(transform.modelSize.width), double(transform.modelSize.height)});
    return QRectF(QPointF(topLeft.x, topLeft.y), QPointF(bottomRight.x, bottomRight.y));
}

}  // namespace vitrine
