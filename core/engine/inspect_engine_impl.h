// The implementation of InspectEngine.
#pragma once

#include "core/engine/inspect_engine.h"

#include <memory>

namespace vitrine {

std::unique_ptr<InspectEngine> makeInspectEngine();

}  // namespace vitrine
