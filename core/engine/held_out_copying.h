// Whether a smaller model still finds what stands far in front of it (measureCopying), in the rows of jobs
// that make such models.
#pragma once

#include "core/language/language_trainer.h"
#include "core/runs/run_context.h"

namespace vitrine {

// On the text's held-out part, up to the model's context: [CopyingScore::toJson()], the longest distance
// last. Empty where the setting "copying_windows" is 0 or the text too short.
Result<Json> copyingOf(const LanguageModel& model, const LanguageTrainingText& text, RunContext& run);

// Of HeldOutScore::texts: {"copying_gain": nats of a token that the passage in front saves at the longest
// distance, mean over the texts}; empty where nothing was measured.
Json copyingRow(const Json& texts);

}  // namespace vitrine
