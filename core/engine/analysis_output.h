// Results of analyses as what commands give back: text for a terminal, JSON, and heat maps.
#pragma once

#include "core/commands/command.h"
#include "core/engine/analysis.h"
#include "core/media/heat_map_picture.h"

namespace vitrine {

// `first`, `second`: names of the models.
CommandOutput outputOf(const LayerComparison& result, const std::string& first, const std::string& second);
CommandOutput outputOf(const LayerRanks& result);
CommandOutput outputOf(const NeighborLists& result, bool withLists);
// At most `top` classes of each picture in the text; all of them in the data.
CommandOutput outputOf(const ZeroShotTable& result, int64_t top);
CommandOutput outputOf(const FixedPatternResult& result);

HeatMapPicture heatMapOf(const LayerComparison& result, const std::string& first, const std::string& second);
HeatMapPicture heatMapOf(const FixedPatternResult& result, const std::string& model);

}  // namespace vitrine
