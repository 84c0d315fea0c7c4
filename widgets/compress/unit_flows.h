// Where the units (weights or channels) of a network that is trained with a part of them go from exchange to
// exchange: which stay, leave, come back, or enter for the first time.
#pragma once

#include "widgets/compress/sparse_view.h"

namespace vitrine {

// Counts of units between two exchanges.
struct UnitFlow {
    double stays = 0, leaves = 0, comesBack = 0, firstTime = 0;
    double staysOut = 0;  // has been in use before
    double staysNew = 0;  // has never been in use

    UnitFlow& operator+=(const UnitFlow& other);
};
// Counts of units at one time.
struct UnitPlaces {
    double inUse = 0, hasLeft = 0, never = 0;
    double total() const { return inUse + hasLeft + never; }
};
struct UnitFlows {
    std::vector<qint64> steps;       // of the exchanges
    std::vector<UnitPlaces> places;  // at the beginning and after each exchange: one more than flows
    std::vector<UnitFlow> flows;
};
// Of one layer, or of all that exchange units (`layer` empty). Empty where nothing was exchanged.
UnitFlows unitFlows(const SparseResults& results, const QString& layer);

}  // namespace vitrine
