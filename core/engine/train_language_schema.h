// Settings of the job "train-language-model".
#pragma once

#include "core/base/json.h"
#include "core/language/language_trainer.h"

namespace vitrine {

Json trainLanguageSettingsSchema();

// Batch, rates and what else of such settings any training of a language model takes; not the model, the
// windows' length and the steps.
void readTrainingSettings(const Json& settings, LanguageTrainingOptions& options);

}  // namespace vitrine
