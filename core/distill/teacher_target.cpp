#include "core/distill/teacher_target.h"

#include "core/distill/losses.h"

namespace vitrine {

TeacherTarget::TeacherTarget(const TeacherSettings& settings, const Teacher& teacher,
                             const DistillOptions& options)
    : settings_(settings),
      summaryLoss_(options.summaryLoss),
      featureLoss_(options.featureLoss),
      gridPolicy_(options.gridPolicy),
      device_(options.device),
      needsCone_(options.summaryLoss == SummaryLoss::Angle && teacher.summaryWidth() > 0 && !settings.mosaic),
      // Histograms are for people: training needs moments alone.
      moments_(MomentOptions{.histogramBins = 0}) {}

Result<void> TeacherTarget::observe(const TeacherOutput& output) {
    auto added = moments_.add(output.features, output.summary);
    if (!added)
        return fail(added.error().in(fmt::format("teacher {}", settings_.name)));
    return {};
}

Result<void> TeacherTarget::fit() {
    const std::string where = fmt::format("teacher {}", settings_.name);
    VITRINE_TRY(const MomentStatistics statistics, moments_.spatial.statistics());
    auto fitted = Normalizer::fit(settings_.normalizer, statistics);
    if (!fitted)
        return fail(fitted.error().in(where));
    normalizer_ = fitted->readyFor(device_);
    if (needsCone_) {
        auto cone = moments_.cone.cone();
        if (!cone)
            return fail(cone.error().in(where));
        dispersion_ = cone->dispersion;
    }
    moments_ = TeacherMoments(MomentOptions{.histogramBins = 0});
    return {};
}

at::Tensor TeacherTarget::normalized(const at::Tensor& features) const {
    return normalizer_.normalizeMaps(features);
}

at::Tensor TeacherTarget::inTeacherSpace(const at::Tensor& features) const {
    return normalizer_.denormalizeMaps(features);
}

at::Tensor TeacherTarget::summaryTerm(const at::Tensor& student, const at::Tensor& teacher) const {
    switch (summaryLoss_) {
        case SummaryLoss::Cosine:
            return cosineDistance(student, teacher, -1).mean();
        case SummaryLoss::Angle:
            return angleLoss(student, teacher, dispersion_);
        case SummaryLoss::Mse:
            return meanSquaredDistance(student, teacher, -1).mean();
    }
    return {};
}

at::Tensor TeacherTarget::featureDistance(const at::Tensor& student, const at::Tensor& teacher) const {
    switch (featureLoss_) {
        case FeatureLoss::Cosine:
            return cosineDistance(student, teacher, 1);
        case FeatureLoss::Mse:
            return meanSquaredDistance(student, teacher, 1);
        case FeatureLoss::HybridMse:
            return hybridSquaredDistance(student, teacher, 1);
        case FeatureLoss::Match:
        case FeatureLoss::HybridSmoothL1:
            return matchDistance(student, teacher, 1);
    }
    return {};
}

TermLosses TeacherTarget::compare(const HeadOutput& student, const TeacherOutput& teacher,
                                  CellShift offset) const {
    TermLosses terms;
    if (student.summary.defined() && teacher.summary.defined())
        terms.summary = summaryTerm(student.summary, teacher.summary);
    const at::Tensor target = normalized(teacher.features);
    const bool sameGrid =
        student.features.size(2) == target.size(2) && student.features.size(3) == target.size(3);
    if (offset.row == 0 && offset.column == 0) {
        const GridPair pair = matchGrids(student.features, target, gridPolicy_);
        terms.features = meanOver(featureDistance(pair.student, pair.teacher));
        return terms;
    }
    AlignedPair pair;
    if (sameGrid)
        pair = overlapOfShifts(student.features, {0, 0}, target, {offset.row, offset.column});
    else
        // In student cells; the teacher's cells cover the same crop with fewer or more of them.
        pair = sampleAtTeacher(student.features, {0, 0, 1}, target,
                               {double(offset.row), double(offset.column),
                                double(student.features.size(2)) / double(target.size(2))});
    const at::Tensor visible =
        pair.visible.defined() ? pair.visible.select(1, 0) : pair.visible;  // as the distances
    terms.features = meanOver(featureDistance(pair.student, pair.teacher), visible);
    return terms;
}

Result<FoldedLinear> TeacherTarget::folded(const at::Tensor& weight, const at::Tensor& bias) const {
    return normalizer_.foldInto(weight, bias);
}

std::map<std::string, at::Tensor> TeacherTarget::state() const {
    std::map<std::string, at::Tensor> state;
    putBelow(state, normalizer_.state(), statePrefix() + ".normalizer");
    state[statePrefix() + ".dispersion"] = at::tensor({dispersion_}, at::kDouble);
    return state;
}

Result<void> TeacherTarget::restore(const std::map<std::string, at::Tensor>& state) {
    VITRINE_TRY(const Normalizer stored,
                Normalizer::fromState(stateBelow(state, statePrefix() + ".normalizer")));
    if (stored.kind() != settings_.normalizer)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the checkpoint was made with the normaliser {}, the settings say {}",
                                normalizerName(stored.kind()), normalizerName(settings_.normalizer)),
                    fmt::format("teacher {}", settings_.name),
                    "Resume with the settings that the run was started with");
    normalizer_ = stored.readyFor(device_);
    const auto dispersion = state.find(statePrefix() + ".dispersion");
    if (dispersion == state.end())
        return fail(ErrorCode::NotFound, "the checkpoint lacks this tensor", statePrefix() + ".dispersion");
    dispersion_ = dispersion->second.item<double>();
    return {};
}

at::Tensor overlapMse(const at::Tensor& a, const at::Tensor& b, CellShift offset) {
    const AlignedPair pair = overlapOfShifts(a, {0, 0}, b, {offset.row, offset.column});
    return meanOver(meanSquaredDistance(pair.student, pair.teacher, 1), pair.visible);
}

}  // namespace vitrine
