// Which of a sample of units were in use, exchange after exchange: what a picture of a changing structure
// shows.
#pragma once

#include "core/base/json.h"
#include "core/sparse_training/sparse_structure.h"

namespace vitrine {

class UnitHistory {
  public:
    UnitHistory() = default;
    // Of each layer that exchanges units kWatched at most, evenly over its units: a third of them in use at
    // least at the beginning, where there are as many, the others out.
    static constexpr int64_t kWatched = 72;
    static UnitHistory begin(const SparseStructure& structure);
    // After an exchange.
    void add(const SparseStructure& structure);

    // [{"layer", "units": [..], "in_use": ["0110", ..]}]: one text for the beginning and one for each
    // exchange, one digit for each unit.
    const Json& json() const { return layers_; }
    // What json() gave.
    static UnitHistory fromJson(const Json& layers);

  private:
    Json layers_ = Json::array();
};

}  // namespace vitrine
