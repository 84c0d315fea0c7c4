// Other ways in which smaller feed-forward parts and linear stand-ins begin (Puzzle, section 3, and its
// tool).
#pragma once

#include "core/base/result.h"
#include "core/models/language/decoder_config.h"

#include <ATen/ATen.h>

#include <map>
#include <vector>

namespace vitrine {

// Which neurons stay.
enum class NeuronStart {
    Independent,  // the largest mean |a|·‖w_down‖, each for itself: the paper's
    Iterative,    // the last ones of IterativeNeurons
};
// What a linear part begins as.
enum class LinearStart {
    Fit,      // least squares on the parent's update
    Product,  // W_o W_v (what attention gives if each token sees itself alone), W_down W_up
};
Result<NeuronStart> neuronStartFromName(const std::string& name);  // "independent", "iterative"
Result<LinearStart> linearStartFromName(const std::string& name);  // "fit", "product"

// The order in which neurons go if what is gone already is looked at: of the rest those go first whose
// removal changes the part's output least, mean over tokens of ‖Σ_removed a_j w_j + a_i w_i‖₂. Measured anew
// with each batch; after batch b of N there are n·(1 - b/N)² left, so that most go early and all are ranked
// in the end.
class IterativeNeurons {
  public:
    // down (width, neurons); batches: how often `add` will be called.
    IterativeNeurons(const at::Tensor& down, int64_t batches);
    // activations (B, T, neurons): the input of the down projection.
    void add(const at::Tensor& activations);
    // (neurons), int64: the first goes first. Those that have not gone yet stand behind.
    at::Tensor order() const;

  private:
    at::Tensor down_, squares_, removed_;  // (width, n), (n), (n) 0/1
    int64_t batches_, seen_ = 0;
    std::vector<int64_t> gone_;
};

// Matrix (width, width) and bias (width) of an attention or a feed-forward part from its weights, named as
// below a block.
std::pair<at::Tensor, at::Tensor> productOf(const std::map<std::string, at::Tensor>& weights,
                                            const AttentionSettings& settings);
std::pair<at::Tensor, at::Tensor> productOf(const std::map<std::string, at::Tensor>& weights,
                                            const FeedForwardSettings& settings);

}  // namespace vitrine
