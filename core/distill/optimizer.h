// Optimisers of distillation with their whole state in named tensors, so that a resumed run goes on bit by
// bit.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

namespace vitrine {

enum class OptimizerKind {
    AdamW,  // Loshchilov and Hutter 2019; decoupled weight decay
    Lamb,   // You et al. 2020; Adam steps scaled per tensor by |w| / |step|
    NAdam   // Dozat 2016, with the decay of momentum 0.004 that PyTorch uses
};

Result<OptimizerKind> optimizerFromName(const std::string& name);
const char* optimizerName(OptimizerKind kind);

struct OptimizerOptions {
    OptimizerKind kind = OptimizerKind::AdamW;
    double beta1 = 0.9, beta2 = 0.999;
    double epsilon = 1e-8;
    double weightDecay = 0.02;
};

struct OptimizedParameter {
    std::string name;
    at::Tensor tensor;      // a leaf; its gradient may be undefined (skipped)
    double rateFactor = 1;  // of the learning rate
    bool decays = true;     // norms, biases, tokens and positions do not
};

class Optimizer {
  public:
    Optimizer(std::vector<OptimizedParameter> parameters, OptimizerOptions options);

    // One step with the gradients at hand.
    void step(double learningRate);
    void clearGradients();
    // L2 norm over all gradients; scales them down to `limit` if it is larger (0: leaves them). NaN and
    // infinity are returned as they are, and nothing is scaled.
    double clipGradients(double limit);
    // Name of the first parameter whose gradient is not finite; empty if all are.
    std::string firstBadGradient() const;

    int64_t stepCount() const { return steps_; }
    const std::vector<OptimizedParameter>& parameters() const { return parameters_; }

    // "optimizer.NAME.first", ".second" and counters; restore refuses missing or misshapen ones by name.
    std::map<std::string, at::Tensor> state() const;
    Result<void> restore(const std::map<std::string, at::Tensor>& state);

  private:
    void stepAdam(double learningRate);
    void stepLamb(double learningRate);
    void stepNAdam(double learningRate);

    std::vector<OptimizedParameter> parameters_;
    std::vector<at::Tensor> first_, second_;
    OptimizerOptions options_;
    int64_t steps_ = 0;
    double momentumProduct_ = 1;  // NAdam's running product of momenta
};

// Linear warm-up to `peak`, then a cosine to `final` at `total` steps.
double cosineRate(int64_t step, int64_t warmup, int64_t total, double peak, double final = 0);

}  // namespace vitrine
