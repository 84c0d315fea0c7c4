// Settings of the job kind "evaluate".
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json evaluateSchema();

}  // namespace vitrine
