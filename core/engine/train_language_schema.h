// Settings of the job "train-language-model".
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json trainLanguageSettingsSchema();

}  // namespace vitrine
