// Settings of the job "puzzle".
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json puzzleSettingsSchema();

}  // namespace vitrine
