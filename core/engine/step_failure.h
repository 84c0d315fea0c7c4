// Why a step of a distillation failed, told so that the user knows what to change: the tensor and layer, the
// last good step, the checkpoint to go on from, and the remedy.
#pragma once

#include "core/base/json.h"

#include <string>

namespace vitrine {

struct StepFailure {
    Error error;
    int64_t lastGood = 0;  // step whose weights are whole
    std::string firstBad;  // see Distiller::firstNonFinite; may be empty

    // `settings`: of the recipe, complete.
    Error explained(const Json& settings) const;
    // The run's event of kind "failure".
    Json toJson(const Json& settings) const;
};

}  // namespace vitrine
