// What the job "puzzle" is checked with: whether scores add up, and a model that is smaller everywhere alike.
#pragma once

#include "core/engine/distillation_run.h"
#include "core/puzzle/variant_costs.h"

namespace vitrine {

// Do sums of scores foresee the loss? {"spearman", "sums_of_scores", "nats_per_token"} of random assemblies
// (the setting "assemblies") of `trunk`'s library; empty below three.
Result<Json> puzzleAdditivity(RunContext& run, const DistillationRun& shared, const LanguageModel& trunk,
                              const BlockLibrary& library, const LibraryCosts& costs);

// The widest feed-forward part for all layers alike that keeps to the budgets of size.
struct UniformChild {
    std::unique_ptr<LanguageModel> model;
    int64_t neurons = 0;
};
// Nothing where the limits are not of size, layers differ, or no number of neurons is small enough.
Result<std::optional<UniformChild>> uniformChild(const LanguageModel& parent, const StructureRanking& ranking,
                                                 const ArchitectureLimits& limits,
                                                 const DeploymentProfile& profile);

}  // namespace vitrine
