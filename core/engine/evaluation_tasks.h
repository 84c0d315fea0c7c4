// The tasks of an evaluation, one model at one resolution each.
#pragma once

#include "core/engine/labelled_sets.h"
#include "core/engine/picture_batches.h"
#include "core/eval/correspondence.h"
#include "core/eval/linear_probe.h"
#include "core/eval/segmentation_probe.h"

namespace vitrine {

struct EvaluationSettings {
    int64_t resolution = 0;  // model pixels of the short side; 0: what the model prefers
    int64_t batch = 8;
    int64_t voters = 20;        // of kNN
    double temperature = 0.07;  // a vote weighs exp(cosine / temperature)
    LinearProbeOptions linear;
    SegmentationProbeOptions segmentation;
};

struct ClassificationScores {
    double knn = 0, linear = 0;  // share of right ones
    double chance = 0;           // share of the most frequent class of the test pictures
    bool averaged = false;       // the model has no summary: means of its features were used
    int64_t trainingCount = 0, testCount = 0;
    std::vector<SkippedPicture> skipped;  // of both sets
};

// Errors: of reading, encoding and the probe; InvalidFile if a set has no readable picture.
Result<ClassificationScores> classify(const StoredModel& model, const ClassifiedPictures& training,
                                      const ClassifiedPictures& test, const EvaluationSettings& settings,
                                      JobContext& job);

struct SegmentationScores {
    double meanIntersectionOverUnion = 0, pixelAccuracy = 0;
    std::vector<std::optional<double>> intersectionOverUnion;  // of each class
    int64_t trainingCount = 0, testCount = 0;
    std::vector<SkippedPicture> skipped;  // of both sets: the picture or its labels cannot be read
    std::vector<std::pair<std::string, Image>>
        pictures;  // name and prediction beside truth, of the first test pictures
};

Result<SegmentationScores> segment(const StoredModel& model, const SegmentationSet& set,
                                   const EvaluationSettings& settings, int64_t pictureCount, JobContext& job);

struct CorrespondenceScores {
    CorrespondenceCount all;
    std::vector<std::pair<std::string, double>> warps;  // name and share of right places
    int64_t pictureCount = 0;
    std::vector<SkippedPicture> skipped;
};

// Pictures against known warps of themselves (zoom, turn, both), right within one cell.
Result<CorrespondenceScores> correspond(const StoredModel& model, const std::vector<std::string>& pictures,
                                        const EvaluationSettings& settings, JobContext& job);

}  // namespace vitrine
