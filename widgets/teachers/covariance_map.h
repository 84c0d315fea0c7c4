// The covariance of a stream's features as a heat map: channels by channels, or bins of channels where there
// are more of them than cells.
#pragma once

#include "core/engine/teacher_engine.h"
#include "widgets/plots/heat_map_view.h"

#include <memory>

namespace vitrine {

// What is shown of a matrix.
struct CovarianceSection {
    bool after = false;                 // the normaliser
    bool correlation = true;            // c_ij / sqrt(c_ii c_jj); else the covariance itself
    int firstRow = 0, firstColumn = 0;  // channels
    int count = 0;                      // channels a side
    int cells = 256;                    // a side at most
};

// Colours are symmetric about 0: -1 to 1 for the correlation, else as far as the largest entry of the whole
// matrix. A cell that stands for several pairs shows the one of largest magnitude and names it; NaN where
// every correlation of a cell is undefined (a channel without variance).
HeatMap covarianceHeatMap(const std::shared_ptr<const CovarianceMaps>& maps,
                          const CovarianceSection& section);

// How much the channels have to do with each other.
struct CovarianceFacts {
    double meanCorrelation = 0;     // mean |correlation| of two channels
    double largestCorrelation = 0;  // |correlation|
    double smallestVariance = 0, largestVariance = 0;
};
CovarianceFacts covarianceFacts(const CovarianceMaps& maps, bool after);

}  // namespace vitrine
