// Zero-shot classification of labelled pictures: the class whose texts are nearest. A CLIP or SigLIP model
// reads texts itself; a RADIO student is read through the adaptor head that learned such a model's image
// embedding, with the texts of that model (AM-RADIO, section on zero-shot evaluation).
#pragma once

#include "core/engine/evaluation_tasks.h"

namespace vitrine {

// The space that pictures and texts of a model meet in.
struct TextReading {
    const StoredModel* texts = nullptr;  // whose text side is read
    std::string adaptor;                 // head of the model; empty: its own image embedding
};
// `texts`: a model with texts for those that have none, or null. `adaptor`: the head that speaks in its
// space; empty: the only one whose name has "clip" or "siglip" in it. InvalidArgument where the model can be
// read in neither way.
Result<TextReading> textReadingOf(const StoredModel& model, const StoredModel* texts,
                                  const std::string& adaptor);

struct ZeroShotScores {
    double top1 = 0, top5 = 0;  // share of right ones; the right one among five
    double chance = 0;          // share of the most frequent class
    at::Tensor confusion;       // (classes, classes) int64: true, said
    int64_t count = 0;
    std::vector<SkippedPicture> skipped;
};
// Errors: of reading and encoding; ShapeMismatch where head and texts have different widths.
Result<ZeroShotScores> classifyByTexts(const StoredModel& model, const TextReading& reading,
                                       const ClassifiedPictures& pictures,
                                       const std::vector<std::string>& templates,
                                       const EvaluationSettings& settings, JobContext& job);

}  // namespace vitrine
