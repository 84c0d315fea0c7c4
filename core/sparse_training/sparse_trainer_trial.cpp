// What the scores of a trial are, before and after it.
#include "core/sparse_training/sparse_trainer.h"

namespace vitrine {

// A criterion of gradients has no value for what was out of the forward pass.
std::optional<ScoreSpread> SparseTrainer::scoresOfTrial(const std::vector<at::Tensor>& after) const {
    if (!options_.reactivate)
        return std::nullopt;
    const bool bySize = options_.saliency == Saliency::Magnitude;
    std::vector<at::Tensor> before;
    if (bySize) {
        TensorList sizes;
        for (const at::Tensor& value : beforeExploration_)
            sizes.push_back(options_.exploreFrom == ComingBack::Zero ? at::zeros_like(value) : value.abs());
        before = structure_.unitSums(sizes);
    }
    std::vector<at::Tensor> used, outBefore, outAfter;
    for (size_t index = 0; index < structure_.layers().size(); ++index) {
        const UnitLayer& layer = structure_.layers()[index];
        if (layer.fixed)
            continue;
        used.push_back(after[index].masked_select(layer.active));
        outAfter.push_back(after[index].masked_select(layer.active.logical_not()));
        if (bySize)
            outBefore.push_back(before[index].masked_select(layer.active.logical_not()));
    }
    if (used.empty())
        return std::nullopt;
    return scoreSpread(at::cat(used), bySize ? at::cat(outBefore) : at::Tensor(), at::cat(outAfter));
}

}  // namespace vitrine
