// Settings of dynamic sparse training.
#pragma once

#include "core/image_training/labelled_pictures.h"
#include "core/image_training/selective_optimizer.h"
#include "core/sparse_training/latency_budget.h"
#include "core/sparse_training/sparse_structure.h"

namespace vitrine {

enum class SparseMethod {
    Dense,      // the whole network
    Static,     // a random structure that stays
    Magnitude,  // dense for half of the steps, then the largest weights stay (one shot)
    Gradual,    // dense at first, then fewer and fewer of the largest (Zhu and Gupta 2018, cubic)
    Set,        // smallest leave, any enter (Mocanu et al. 2018)
    Rigl,       // smallest leave, those of the largest gradient enter at 0 (Evci et al. 2020)
    Iee         // candidates are trained before they are judged (arXiv 2502.03658)
};
const std::vector<std::string>& sparseMethodNames();  // "dense", "static", ... in the order above
Result<SparseMethod> sparseMethodFromName(const std::string& name);
const std::string& sparseMethodName(SparseMethod method);

enum class Saliency {
    Magnitude,  // |w|
    Taylor      // (w · ∂L/∂w)², mean over the batches of a stage
};

// What a weight is set to where it comes back ("most recently used" in the paper, open between two readings).
enum class ComingBack {
    Zero,
    BeforePruning,    // as it was when it last was in use; never in use: as it started
    AfterExploration  // as the last exploration left it
};

struct SparseTrainingOptions {
    ClassifierShape network;
    SparseMethod method = SparseMethod::Iee;
    UnitKind units = UnitKind::Weights;
    Saliency saliency = Saliency::Magnitude;  // of IEE; the others go by |w|
    double density = 0.1;                     // part of the weights (or channels) in use
    DensityLayout layout = DensityLayout::Erk;
    // Of channels: they are chosen over all layers so that the cut network keeps to a time. Density and
    // layout do not count then, and the exchanged part is one of the time that could be saved.
    std::optional<LatencyOptions> latency;

    // Steps of the stages of one exchange: importance, accuracy, exploration (H, J, Q in the paper). SET,
    // RigL and Gradual exchange once in as many steps as the three together.
    int64_t importanceSteps = 20, accuracySteps = 20, explorationSteps = 20;
    double exchanged = 0.3;           // Ω: part of the units in use, at the first exchange
    bool exponentialDecay = false;    // of Ω; else a cosine
    double stopAt = 0.75;             // part of the training after which the structure stays
    bool reactivate = true;           // false: no exploration, what was pruned is judged as it was
    bool freezeInExploration = true;  // what is in use stands still while the others are tried
    ComingBack exploreFrom = ComingBack::AfterExploration;  // into an exploration
    ComingBack comingBack = ComingBack::AfterExploration;   // into use
    bool unusedStartAtZero = true;  // weights that were never in use; channels keep their random start

    int64_t steps = 1000;
    BatchOptions batch;
    double learningRate = 0.1;  // its peak; a cosine to 0 after the warm-up
    int64_t warmup = 30;
    SelectiveOptimizerOptions optimizer;
    uint64_t seed = 0;

    Result<void> validate() const;
    int64_t cycleSteps() const { return importanceSteps + accuracySteps + explorationSteps; }
    int64_t lastExchange() const { return int64_t(stopAt * double(steps)); }
    // Ω before the given step, as a part of what is in use; 0 from lastExchange() on.
    double exchangedAt(int64_t step) const;
};

}  // namespace vitrine
