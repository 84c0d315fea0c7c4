// Settings of the job "prune-structures".
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json pruneStructuresSettingsSchema();
// What jobs that distil language models ask of texts and training; "steps" and "learning_rate" have the given
// defaults.
void addDistillationSettings(Json& properties);
void addLanguageTextSettings(Json& properties);

}  // namespace vitrine
