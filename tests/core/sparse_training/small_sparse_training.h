// Sparse training of a small ResNet for a few steps, for tests.
#pragma once

#include "core/sparse_training/sparse_trainer.h"

namespace vitrine::testing {

inline SparseTrainingOptions smallSparseTraining(SparseMethod method) {
    SparseTrainingOptions options;
    options.method = method;
    options.network = {
        .kind = ClassifierKind::ResNet, .side = 16, .classes = 8, .width = 4, .blocksPerStage = 1};
    options.density = 0.2;
    options.importanceSteps = 3;
    options.accuracySteps = 2;
    options.explorationSteps = 4;
    options.steps = 60;
    options.batch = {16, 1, true};
    options.warmup = 2;
    options.seed = 9;
    return options;
}

}  // namespace vitrine::testing
