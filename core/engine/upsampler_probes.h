// The live probe set of the training of an upsampler: a few fixed pictures whose coarse, guided, tiled and
// fine features are kept as PCA maps every so many steps, in colours that stay the same.
#pragma once

#include "core/features/pca.h"
#include "core/upsampling/upsampler_trainer.h"

#include <filesystem>

namespace vitrine {

class RunContext;

class UpsamplerProbes {
  public:
    // `folder`: where the basis is kept for a resumed run. The pictures are squares of the whole short side.
    static Result<std::unique_ptr<UpsamplerProbes>> create(const std::vector<std::filesystem::path>& files,
                                                           const UpsamplerTrainer& trainer,
                                                           std::filesystem::path folder);
    // Records maps, the picture of the de-bias buffer, and as metrics fidelity and seam ratio.
    Result<void> keep(UpsamplerTrainer& trainer, RunContext& run);

  private:
    UpsamplerProbes() = default;
    Result<void> prepareBasis(const at::Tensor& coarse);
    // map (C, h, w).
    Result<void> keepMap(const at::Tensor& map, const std::string& name, int64_t step, RunContext& run) const;

    std::vector<std::string> names_;
    at::Tensor pixels_;  // (N, 3, S, S) in [0, 1]
    std::optional<PcaBasis> basis_;
    std::filesystem::path folder_;
};

}  // namespace vitrine
