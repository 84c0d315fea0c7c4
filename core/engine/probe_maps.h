// The live probe set of a distillation: a few fixed pictures whose adaptor features are kept as PCA maps
// every so many steps. Colours come from a basis fitted once to the teacher's own (normalised) features, so
// that equal colours mean equal features over all steps, and for teacher and student alike.
#pragma once

#include "core/distill/distiller.h"
#include "core/features/pca.h"

#include <filesystem>

namespace vitrine {

class RunContext;

class ProbeMaps {
  public:
    // `folder`: where the bases are kept for a resumed run. `fresh`: the pictures and the teachers' maps are
    // kept with the first maps of the student; off for a resumed run, which has them.
    static Result<std::unique_ptr<ProbeMaps>> create(const std::vector<std::filesystem::path>& files,
                                                     const StudentOptions& student,
                                                     const std::vector<std::unique_ptr<Teacher>>& teachers,
                                                     std::filesystem::path folder, bool fresh);
    // Records the maps of the present step as pictures, and each teacher's feature error on the probe set
    // (MSE over the variance of the targets) as a metric.
    Result<void> keep(const Distiller& distiller, RunContext& run);

  private:
    ProbeMaps() = default;
    Result<const PcaBasis*> basisFor(const std::string& teacher, const at::Tensor& targets);
    Result<void> keepPictures(int64_t step, RunContext& run) const;
    Result<void> keepMap(const at::Tensor& features, const PcaBasis& basis, const std::string& name,
                         int64_t step, RunContext& run) const;

    std::vector<std::string> names_;
    at::Tensor pixels_;                      // (N, 3, side, side) in [0, 1]
    std::map<std::string, at::Tensor> raw_;  // teacher -> features (N, C, h, w)
    std::map<std::string, PcaBasis> bases_;
    std::filesystem::path folder_;
    bool fresh_ = true;
};

}  // namespace vitrine
