// The first part of the job "puzzle": the library of block variants, taught and scored, and what they cost.
#pragma once

#include "core/engine/distillation_run.h"
#include "core/puzzle/variant_costs.h"

namespace vitrine {

// Layer by layer: taught, scored, saved, as the run's settings say; `saveState` after each. Begins with what
// an earlier process left, or with the library that the settings name. Kept as library.safetensors.
Result<BlockLibrary> makePuzzleLibrary(RunContext& run, const DistillationRun& shared,
                                       const StructureRanking& ranking,
                                       const std::function<Result<void>()>& saveState);

// The calibration windows that variants and assemblies are scored on: ids (B, T).
std::vector<at::Tensor> puzzleScoreWindows(const RunContext& run, const DistillationRun& shared);

// At the settings' deployment profile. `known`: what LibraryCosts::json() gave before the run was stopped,
// else null; times are measured once, and a resumed run searches with the same ones.
Result<LibraryCosts> puzzleCosts(RunContext& run, const LanguageModel& parent, const BlockLibrary& library,
                                 const Json& known);

}  // namespace vitrine
