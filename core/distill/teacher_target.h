// What a student is compared with for one teacher: the teacher's statistics, the normaliser fitted to them,
// and the losses in the normalised space.
//
// One normaliser serves all partitions of a teacher, since they share one adaptor head whose last layer the
// inverse is folded into at export.
#pragma once

#include "core/distill/crops.h"
#include "core/distill/distill_options.h"
#include "core/distill/teacher.h"
#include "core/distill/teacher_moments.h"

namespace vitrine {

// Scalars with gradients; undefined where a side has no such output or the crops do not overlap.
struct TermLosses {
    at::Tensor summary, features;
};

class TeacherTarget {
  public:
    TeacherTarget(const TeacherSettings& settings, const Teacher& teacher, const DistillOptions& options);

    const std::string& name() const { return settings_.name; }
    // Adds a batch to the statistics.
    Result<void> observe(const TeacherOutput& output);
    // Fits normaliser and summary cone to what was observed.
    Result<void> fit();

    // Features (B, C, h, w) of the teacher in the space of the losses, and back.
    at::Tensor normalized(const at::Tensor& features) const;
    at::Tensor inTeacherSpace(const at::Tensor& features) const;
    // `offset`: the teacher's crop lies so many student cells further down and right than the student's.
    TermLosses compare(const HeadOutput& student, const TeacherOutput& teacher, CellShift offset) const;

    // Last layer of the feature head with the inverse normaliser folded in: weight (C, hidden), bias (C).
    Result<FoldedLinear> folded(const at::Tensor& weight, const at::Tensor& bias) const;

    const Normalizer& normalizer() const { return normalizer_; }

    std::map<std::string, at::Tensor> state() const;  // "target.NAME. ..."
    Result<void> restore(const std::map<std::string, at::Tensor>& state);

  private:
    at::Tensor summaryTerm(const at::Tensor& student, const at::Tensor& teacher) const;
    at::Tensor featureDistance(const at::Tensor& student, const at::Tensor& teacher) const;
    std::string statePrefix() const { return "target." + settings_.name; }

    TeacherSettings settings_;
    SummaryLoss summaryLoss_;
    FeatureLoss featureLoss_;
    GridPolicy gridPolicy_;
    at::Device device_;
    bool needsCone_;
    TeacherMoments moments_;
    Normalizer normalizer_;
    double dispersion_ = 1;  // of the summary cone, radians²
};

// Mean squared difference over the cells that both maps (B, C, h, w) show, where `b` lies `offset` cells
// further down and right; a scalar, 0 (with a graph) if nothing overlaps.
at::Tensor overlapMse(const at::Tensor& a, const at::Tensor& b, CellShift offset);

}  // namespace vitrine
