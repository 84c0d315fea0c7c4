// What the jobs that train small classifiers of pictures have in common: their settings for pictures, network
// and optimiser, and the pictures themselves in memory.
#pragma once

#include "core/base/job_context.h"
#include "core/base/json.h"
#include "core/image_training/classifier_network.h"
#include "core/image_training/labelled_pictures.h"
#include "core/image_training/selective_optimizer.h"
#include "core/runs/run_context.h"

namespace vitrine {

// Groups "Pictures", "Network" and "Training" of a settings schema.
void addClassifierSettings(Json& properties);

struct ClassifierPictures {
    LabelledPictures training, test;
};

// "pictures": a CIFAR-10 binary file or a folder with a folder for each class; empty: procedural scenes.
// "test": the same, empty: every fifth picture of each class. Errors of reading; pictures that cannot be read
// end the job (a class would silently lose them).
Result<ClassifierPictures> openClassifierPictures(const Json& settings, uint64_t seed, JobContext& job);

// Shape of the network that settings ask for, with the class count of the pictures.
Result<ClassifierShape> classifierShapeFrom(const Json& settings, int64_t classes);
Result<SelectiveOptimizerOptions> classifierOptimizerFrom(const Json& settings);
BatchOptions classifierBatchFrom(const Json& settings);

// Writes the model's folder where settings["output"] says (empty: into the run's own) and keeps its files as
// artifacts; `note` tells in it how it was made.
Result<void> keepClassifier(RunContext& run, const ClassifierNetwork& network, const TensorList& weights,
                            const TensorList& buffers, const Json& note);

}  // namespace vitrine
