#include "core/claims/structured_students.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

Result<std::unique_ptr<LanguageModel>> trainShortly(const LanguageGround& ground,
                                                    std::unique_ptr<LanguageModel> student,
                                                    const std::optional<DistillationOptions>& distillation,
                                                    const ShortTraining& training,
                                                    const ClaimRequest& request) {
    LanguageTrainingOptions options;
    options.seed = uint64_t(request.seed);
    options.device = ground.model->decoder().device();
    options.length = std::min(training.length, ground.length - 1);
    options.batch = training.batch;
    options.steps = scaledSteps(training.steps, request);
    options.warmup = options.steps / 10;
    options.learningRate = training.learningRate;
    options.finalRate = training.learningRate / 20;
    options.weightDecay = 0;
    std::shared_ptr<LanguageObjective> objective;
    if (distillation) {
        VITRINE_TRY(objective, distillationObjective(ground.model, student->config(), *distillation));
    }
    VITRINE_TRY(auto trainer, LanguageTrainer::continueWith(options, ground.texts, std::move(student),
                                                            std::move(objective)));
    while (trainer->step() < options.steps) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY([[maybe_unused]] const LanguageStepReport report, trainer->train());
        request.job->advance();
    }
    return trainer->takeModel();
}

}  // namespace vitrine
