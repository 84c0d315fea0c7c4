// How the AM-RADIO experiment compares student and teachers: nearest neighbours of summaries, a linear probe
// of features, boundaries read by one frozen decoder, fidelity to each teacher.
#pragma once

#include "core/claims/am_radio_teachers.h"
#include "core/data/shape_scenes.h"
#include "core/eval/segmentation_probe.h"

namespace vitrine::am_radio {

// Pictures on which every model is measured: what read-outs are fitted to, and what they are tested on.
struct Examination {
    ScenePictures fitted, tested;  // whole scenes at kSide
    at::Tensor large;              // (M, 3, kLargeSide, kLargeSide): the first of `tested` once more
};
Examination drawExamination(const ClaimRequest& request);

// What one model makes of the pictures of an examination.
struct Answers {
    at::Tensor fittedSummary, testedSummary;    // (N, S)
    at::Tensor fittedFeatures, testedFeatures;  // (N, C, h, w)
};

// Weighted vote of the 20 nearest (temperature 0.07) on the dominant shape: share of right ones.
Result<double> neighbourAccuracy(const Answers& answers, const Examination& examination);

// A linear probe of the pixels' classes, fitted to the maps (N, C, h, w) of the first pictures, and the mean
// intersection over union of such a probe. `labels` (N, H, W) int64 below `classes`.
Result<SegmentationProbe> fitSceneProbe(const at::Tensor& features, const at::Tensor& labels, int64_t classes,
                                        const ClaimRequest& request);
Result<double> sceneProbeScore(const SegmentationProbe& probe, const at::Tensor& features,
                               const at::Tensor& labels, int64_t classes);
// That over ground and shape classes of a probe fitted to the model's own features.
Result<double> probeScore(const Answers& answers, const Examination& examination,
                          const ClaimRequest& request);

// F1 of boundary cells, each right if a true one is at most one cell away and the other way round.
double boundaryScore(const at::Tensor& logits, const at::Tensor& objects);

// The linear map, fitted by ridge regression, from one model's features into another's space, applied to
// `features`. Maps (N, C, h, w) -> (M, C', h, w).
at::Tensor mappedFeatures(const at::Tensor& from, const at::Tensor& to, const at::Tensor& features);

// Variance of the teacher's channels over the mean squared error; above 1: better than its mean.
double fidelity(const at::Tensor& student, const at::Tensor& teacher);

// Runs `look` over the pictures in pieces, without gradients, and joins what comes back.
template <class Look>
std::vector<at::Tensor> inPieces(const at::Tensor& pictures, const Look& look) {
    const at::NoGradGuard noGrad;
    constexpr int64_t kPiece = 64;
    std::vector<std::vector<at::Tensor>> pieces;
    for (int64_t start = 0; start < pictures.size(0); start += kPiece) {
        const std::vector<at::Tensor> outputs = look(pictures.slice(0, start, start + kPiece));
        pieces.resize(outputs.size());
        for (size_t i = 0; i < outputs.size(); ++i)
            pieces[i].push_back(outputs[i]);
    }
    std::vector<at::Tensor> joined;
    joined.reserve(pieces.size());
    for (const auto& parts : pieces)
        joined.push_back(at::cat(parts));
    return joined;
}

}  // namespace vitrine::am_radio
