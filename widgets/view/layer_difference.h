// Difference of two layers on the pixel grid of the first.
#pragma once

#include "widgets/view/layer.h"

namespace vitrine {

struct LayerDifference {
    Layer layer;  // F32, one channel: largest absolute difference over channels, in fractions of full scale
                  // for integer samples; NaN where the second layer has nothing
    double meanAbsolute = 0;
    double rootMeanSquare = 0;
    double largest = 0;
};

// The second layer is read at the nearest pixel. Layers with different channel counts are compared as grey
// means.
LayerDifference layerDifference(const Layer& first, const Layer& second);

}  // namespace vitrine
