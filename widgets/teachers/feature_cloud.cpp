#include "widgets/teachers/feature_cloud.h"

#include "core/media/color_map.h"

#include <QCoreApplication>
#include <QStringList>
#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr double kClipPercent = 1;

QString tr(const char* text) {
    return QCoreApplication::translate("FeatureCloud", text);
}

const std::vector<float>& coordinatesOf(const FeatureClouds& clouds, bool after) {
    return after ? clouds.after : clouds.before;
}

float percentile(std::vector<float> values, double percent) {
    const auto place = size_t(percent / 100 * double(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + int64_t(place), values.end());
    return values[place];
}

double deviationOf(const FeatureClouds::Axis& axis, bool after) {
    return after ? axis.after : axis.before;
}

}  // namespace

std::shared_ptr<const PointCloud> featureCloud(const FeatureClouds& clouds, bool after, double scale) {
    auto cloud = std::make_shared<PointCloud>();
    cloud->positions = coordinatesOf(clouds, after);
    for (float& value : cloud->positions)
        value *= float(scale);
    cloud->frame = "features";
    Box3 unit;
    unit.size = {2 * scale, 2 * scale, 2 * scale};
    cloud->boxes.push_back(unit);
    return cloud;
}

std::shared_ptr<const CloudColors> featureCloudColors(const FeatureClouds& clouds,
                                                      FeatureCloudColoring coloring) {
    auto colors = std::make_shared<CloudColors>();
    colors->rgb.reserve(3 * clouds.count());
    const auto append = [&](Rgb8 color) {
        colors->rgb.insert(colors->rgb.end(), {color.r, color.g, color.b});
    };
    if (coloring == FeatureCloudColoring::Picture) {
        for (const int32_t picture : clouds.pictureOf)
            append(labelColor(picture));
        return colors;
    }
    colors->scalar = true;
    colors->colorMap = ColorMap::Viridis;
    colors->title = tr("norm").toStdString();
    if (clouds.norms.empty())
        return colors;
    colors->range.low = double(percentile(clouds.norms, kClipPercent));
    colors->range.high = double(percentile(clouds.norms, 100 - kClipPercent));
    if (colors->range.high <= colors->range.low)
        colors->range.high = colors->range.low + 1;
    for (const float norm : clouds.norms)
        append(colorOf(colors->colorMap, double(norm), colors->range.low, colors->range.high));
    return colors;
}

double ownScale(const FeatureClouds& clouds, bool after) {
    double sum = 0;
    for (const float value : coordinatesOf(clouds, after))
        sum += double(value) * double(value);
    return sum > 0 ? std::sqrt(double(clouds.count()) / sum) : 1;
}

QString axesText(const FeatureClouds& clouds, bool after) {
    QStringList parts;
    for (size_t axis = 0; axis < clouds.axes.size(); ++axis) {
        const FeatureClouds::Axis& each = clouds.axes[axis];
        parts.append(QStringLiteral("%1 %2: %3 (%4 %)")
                         .arg(QString(QChar('x' + int(axis))), QString::fromStdString(each.name))
                         .arg(deviationOf(each, after), 0, 'g', 3)
                         .arg(100 * (after ? each.afterShare : each.beforeShare), 0, 'f', 1));
    }
    return parts.join(QStringLiteral(" · "));
}

double elongation(const FeatureClouds& clouds, bool after) {
    double smallest = std::numeric_limits<double>::infinity(), largest = 0;
    for (const FeatureClouds::Axis& axis : clouds.axes) {
        smallest = std::min(smallest, deviationOf(axis, after));
        largest = std::max(largest, deviationOf(axis, after));
    }
    return smallest > 0 ? largest / smallest : std::numeric_limits<double>::infinity();
}

QStringList vectorText(const FeatureClouds& clouds, size_t vector) {
    return {QString::fromStdString(clouds.pictures[size_t(clouds.pictureOf[vector])]),
            tr("place %1, %2")
                .arg(double(clouds.places[2 * vector]), 0, 'f', 2)
                .arg(double(clouds.places[2 * vector + 1]), 0, 'f', 2),
            tr("norm %1").arg(double(clouds.norms[vector]), 0, 'g', 4)};
}

}  // namespace vitrine
