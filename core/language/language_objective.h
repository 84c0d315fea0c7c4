// What a language model is trained towards. Without one a LanguageTrainer minimises the cross-entropy of the
// next token; distillation from a teacher (language_distiller.h) is another objective, and methods that train
// something else than weights (masks, routers) bring their own.
#pragma once

#include "core/distill/optimizer.h"
#include "core/models/language/decoder.h"

#include <map>
#include <string>
#include <vector>

namespace vitrine {

struct ObjectiveLoss {
    at::Tensor total;                     // scalar, differentiable
    std::map<std::string, double> parts;  // what it is made of, for the curves
};

class LanguageObjective {
  public:
    virtual ~LanguageObjective() = default;
    // ids (B, T + 1): places 0..T-1 are read, 1..T predicted. `step` counts from 0.
    virtual Result<ObjectiveLoss> loss(const Decoder& student, const at::Tensor& ids, int64_t step,
                                       bool recompute) = 0;
    // Parameters of its own, trained and saved beside the model's ("objective.NAME" in checkpoints).
    virtual std::vector<OptimizedParameter> parameters() const { return {}; }
    // Whether the model's weights are trained; otherwise only the objective's own parameters are.
    virtual bool trainsModel() const { return true; }
    // Settings, teacher: what a resumed run must have in common with the one before.
    virtual std::string fingerprint() const = 0;
};

}  // namespace vitrine
