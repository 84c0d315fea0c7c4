#include "core/claims/am_radio_metrics.h"

#include "core/distill/random_stream.h"
#include "core/features/retrieval.h"

#include <algorithm>
#include <cmath>

namespace vitrine::am_radio {
namespace {

constexpr int64_t kFitted = 1024, kTested = 512, kLarge = 128;
constexpr int64_t kProbed = 320, kProbeSteps = 250;  // pictures and steps that the probe learns from
constexpr double kRidge = 1e-3;                      // of the mean variance of a channel

at::Tensor grown(const at::Tensor& cells) {
    return at::max_pool2d(cells.to(at::kFloat).unsqueeze(1), {3, 3}, {1, 1}, {1, 1}).squeeze(1).gt(0.5);
}

std::vector<LabelledFeatures> labelled(const at::Tensor& features, const at::Tensor& labels, int64_t count) {
    std::vector<LabelledFeatures> pictures;
    for (int64_t i = 0; i < std::min(count, features.size(0)); ++i) {
        LabelledFeatures picture;
        picture.features = features[i];
        picture.labels = labels[i].to(at::kByte);
        picture.scaleX = picture.scaleY = 1.0 / kPatch;
        pictures.push_back(std::move(picture));
    }
    return pictures;
}

// Short versions are examined on a tenth at least: scores must stay scores.
int64_t scaled(int64_t full, const ClaimRequest& request) {
    return std::llround(double(full) * std::clamp(request.scale, 0.1, 1.0));
}

}  // namespace

Examination drawExamination(const ClaimRequest& request) {
    const at::NoGradGuard noGrad;
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "am-radio examination");
    const auto count = [&](int64_t full) { return scaled(full, request); };
    Examination examination;
    examination.fitted = renderShapeScenes(drawShapeScenes(count(kFitted), random), kSide);
    // Drawn on their own, so that both sizes show the same scenes.
    const ShapeScenes both = drawShapeScenes(count(kLarge), random);
    const ScenePictures small = renderShapeScenes(both, kSide),
                        more = renderShapeScenes(drawShapeScenes(count(kTested - kLarge), random), kSide);
    const auto joined = [](const at::Tensor& first, const at::Tensor& second) {
        return at::cat({first, second});
    };
    examination.tested = {joined(small.pictures, more.pictures), joined(small.shapes, more.shapes),
                          joined(small.textures, more.textures), joined(small.objects, more.objects),
                          joined(small.dominant, more.dominant)};
    examination.large = renderShapeScenes(both, kLargeSide).pictures;
    return examination;
}

Result<double> neighbourAccuracy(const Answers& answers, const Examination& examination) {
    VITRINE_TRY(const Neighbors neighbours,
                nearestNeighbors(answers.testedSummary, answers.fittedSummary, 20));
    VITRINE_TRY(const at::Tensor votes,
                knnVote(neighbours, examination.fitted.dominant, kSceneShapeCount, 0.07));
    return votes.argmax(1).eq(examination.tested.dominant).to(at::kDouble).mean().item<double>();
}

Result<SegmentationProbe> fitSceneProbe(const at::Tensor& features, const at::Tensor& labels, int64_t classes,
                                        const ClaimRequest& request) {
    SegmentationProbeOptions options;
    options.steps = scaled(kProbeSteps, request);
    options.batch = 8;
    options.trainingSide = kSide / 2;
    options.seed = uint64_t(request.seed);
    JobContext silent(request.job->stopToken(), {});
    return SegmentationProbe::fit(labelled(features, labels, kProbed), classes, options, silent);
}

Result<double> sceneProbeScore(const SegmentationProbe& probe, const at::Tensor& features,
                               const at::Tensor& labels, int64_t classes) {
    ConfusionMatrix confusion(classes);
    for (const LabelledFeatures& picture : labelled(features, labels, kTested)) {
        VITRINE_TRY_VOID(confusion.add(picture.labels.to(at::kLong), probe.predict(picture)));
    }
    return confusion.meanIntersectionOverUnion();
}

Result<double> probeScore(const Answers& answers, const Examination& examination,
                          const ClaimRequest& request) {
    const int64_t classes = 1 + kSceneShapeCount;
    VITRINE_TRY(const SegmentationProbe probe,
                fitSceneProbe(answers.fittedFeatures, examination.fitted.shapes, classes, request));
    return sceneProbeScore(probe, answers.testedFeatures, examination.tested.shapes, classes);
}

double boundaryScore(const at::Tensor& logits, const at::Tensor& objects) {
    const at::Tensor found = logits.gt(0), truth = boundaryCells(objects);
    const auto share = [](const at::Tensor& right, const at::Tensor& all) {
        return right.logical_and(all).sum().item<double>() / std::max(1.0, all.sum().item<double>());
    };
    const double precision = share(grown(truth), found), recall = share(grown(found), truth);
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
}

at::Tensor mappedFeatures(const at::Tensor& from, const at::Tensor& to, const at::Tensor& features) {
    const auto rows = [](const at::Tensor& maps) {
        const at::Tensor flat = maps.permute({0, 2, 3, 1}).flatten(0, 2).to(at::kDouble);
        return at::cat({flat, at::ones({flat.size(0), 1}, flat.options())}, 1);
    };
    const at::Tensor known = rows(from), wanted = to.permute({0, 2, 3, 1}).flatten(0, 2).to(at::kDouble);
    at::Tensor gram = known.t().mm(known);
    gram.diagonal().add_(kRidge * gram.diagonal().mean());
    const at::Tensor map = at::linalg_solve(gram, known.t().mm(wanted));
    return rows(features)
        .mm(map)
        .to(at::kFloat)
        .view({features.size(0), features.size(2), features.size(3), to.size(1)})
        .permute({0, 3, 1, 2})
        .contiguous();
}

double fidelity(const at::Tensor& student, const at::Tensor& teacher) {
    return (teacher.var({0, 2, 3}, false).mean() / (student - teacher).square().mean()).item<double>();
}

}  // namespace vitrine::am_radio
