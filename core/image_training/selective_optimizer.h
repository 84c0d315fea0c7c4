// SGD with momentum or AdamW in which any part of a parameter can stand still: what is not selected keeps its
// value and its state bit by bit, whatever momentum and weight decay would do to it. The state of single
// weights can be reset.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

namespace vitrine {

struct SelectiveOptimizerOptions {
    enum class Kind { Sgd, AdamW };
    Kind kind = Kind::Sgd;
    double momentum = 0.9;      // SGD; AdamW's beta1
    double beta2 = 0.99;        // AdamW
    double epsilon = 1e-8;      // AdamW
    double weightDecay = 5e-4;  // SGD: added to the gradient; AdamW: decoupled
};

class SelectiveOptimizer {
  public:
    // `decays`: for each parameter whether weight decay acts on it.
    SelectiveOptimizer(const std::vector<at::Tensor>& weights, std::vector<bool> decays,
                       SelectiveOptimizerOptions options);

    // One step on `weights` in place. selection[i]: bool of the parameter's shape; undefined: all of it; with
    // no elements: nothing of it. A gradient that is undefined: nothing.
    void step(std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& gradients,
              const std::vector<at::Tensor>& selection, double rate);
    // Where `places` (bool) is true, as if the weights were new.
    void reset(size_t parameter, const at::Tensor& places);

    // "optimizer.I.first", ".second", ".count".
    void save(std::map<std::string, at::Tensor>& state) const;
    Result<void> restore(const std::map<std::string, at::Tensor>& state);

  private:
    SelectiveOptimizerOptions options_;
    std::vector<bool> decays_;
    // Momentum; AdamW also squares, and the steps that each weight has seen.
    std::vector<at::Tensor> first_, second_, count_;
};

}  // namespace vitrine
