// The pictures that an evaluation works on, as its settings name them.
#pragma once

#include "core/engine/labelled_sets.h"

namespace vitrine {

class RunContext;

struct EvaluationSets {
    ClassifiedPictures training, test;
    ClassifiedPictures read;  // that texts classify: the test pictures where they are given apart, else all
    SegmentationSet segmentation;
    std::vector<std::string> plain;     // pictures without labels
    std::vector<std::string> imitated;  // pictures that adaptor heads and teachers are compared on
};

// Records what is used with the run. InvalidArgument where nothing is named, or one of two things that belong
// together; errors of opening.
Result<EvaluationSets> openEvaluationSets(RunContext& run);

}  // namespace vitrine
