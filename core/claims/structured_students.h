// What the claims about smaller language models share: short trainings on the ground's texts.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"
#include "core/language/language_distiller.h"

namespace vitrine {

struct ShortTraining {
    int64_t steps = 150, batch = 12, length = 96;
    double learningRate = 1e-3;
};
// Distils `student` from the ground's model; without `distillation` it learns the next token. The batches
// depend on the request's seed alone. Advances the job by the steps.
Result<std::unique_ptr<LanguageModel>> trainShortly(const LanguageGround& ground,
                                                    std::unique_ptr<LanguageModel> student,
                                                    const std::optional<DistillationOptions>& distillation,
                                                    const ShortTraining& training,
                                                    const ClaimRequest& request);

}  // namespace vitrine
