#include "widgets/compress/unit_flows.h"

#include <algorithm>

namespace vitrine {

UnitFlow& UnitFlow::operator+=(const UnitFlow& other) {
    stays += other.stays;
    leaves += other.leaves;
    comesBack += other.comesBack;
    firstTime += other.firstTime;
    staysOut += other.staysOut;
    staysNew += other.staysNew;
    return *this;
}

UnitFlows unitFlows(const SparseResults& results, const QString& layer) {
    UnitFlows flows;
    std::vector<size_t> chosen;
    for (size_t index = 0; index < results.moves.size(); ++index)
        if (layer.isEmpty() || results.exchangedLayers[index] == layer)
            chosen.push_back(index);
    if (chosen.empty())
        return flows;
    flows.steps = results.steps;
    flows.flows.resize(results.steps.size());
    flows.places.resize(results.steps.size() + 1);
    for (const size_t index : chosen) {
        double ever = 0;  // units that have been in use so far
        for (size_t exchange = 0; exchange < results.moves[index].size(); ++exchange) {
            const UnitMoves& one = results.moves[index][exchange];
            const double before = one.inUse - one.entered + one.left;
            if (exchange == 0) {
                ever = before;
                flows.places[0].inUse += before;
                flows.places[0].never += one.units - before;
            }
            UnitFlow flow;
            flow.stays = one.inUse - one.entered;
            flow.leaves = one.left;
            flow.comesBack = one.cameBack;
            flow.firstTime = one.entered - one.cameBack;
            flow.staysOut = ever - before - one.cameBack;
            flow.staysNew = one.units - ever - flow.firstTime;
            flows.flows[exchange] += flow;
            ever += flow.firstTime;
            UnitPlaces& after = flows.places[exchange + 1];
            after.inUse += one.inUse;
            after.hasLeft += ever - one.inUse;
            after.never += one.units - ever;
        }
    }
    return flows;
}

}  // namespace vitrine
