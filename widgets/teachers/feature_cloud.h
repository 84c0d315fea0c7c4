// A cloud of a stream's feature vectors, before or after a normaliser, as the 3-D view takes it.
#pragma once

#include "core/clouds/cloud_colors.h"
#include "core/engine/teacher_engine.h"

#include <QString>
#include <memory>

namespace vitrine {

enum class FeatureCloudColoring { Picture, Norm };

// Coordinates are lengths in the feature space times `scale`. The box around the mean has sides of 2: a
// deviation of 1, what normalisers give to a channel, reaches from its middle to its faces.
std::shared_ptr<const PointCloud> featureCloud(const FeatureClouds& clouds, bool after, double scale);
// One of distinct colours for each picture, or the vectors' norms before the normaliser, 1 % clipped at each
// end.
std::shared_ptr<const CloudColors> featureCloudColors(const FeatureClouds& clouds,
                                                      FeatureCloudColoring coloring);
// 1 / root mean square distance from the mean: clouds of any loudness become equally large.
double ownScale(const FeatureClouds& clouds, bool after);

// "x direction 1: 4.21 (38 %) · y direction 2: … ": deviations and shares of the variance.
QString axesText(const FeatureClouds& clouds, bool after);
// Largest over smallest deviation along the axes: 1 for a cloud that is alike in all of them.
double elongation(const FeatureClouds& clouds, bool after);
// "photo.jpg", "place 0.31, 0.62", "norm 12.3".
QStringList vectorText(const FeatureClouds& clouds, size_t vector);

}  // namespace vitrine
