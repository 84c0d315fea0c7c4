// The first part of the job "puzzle": the library of block variants, taught and scored, and what they cost.
#pragma once

#include "core/engine/distillation_run.h"
#include "core/puzzle/block_scores.h"
#include "core/puzzle/variant_costs.h"

namespace vitrine {

// Layer by layer: taught, scored, saved, as the run's settings say; `saveState` after each. Begins with what
// an earlier process left, or with the library that the settings name. Kept as library.safetensors.
Result<BlockLibrary> makePuzzleLibrary(RunContext& run, const DistillationRun& shared,
                                       const StructureRanking& ranking,
                                       const std::function<Result<void>()>& saveState);

// The second part: of each layer the pairs that architectures in `rows` chose ("choice", of a search), taught
// together for the setting "coupled_steps" and scored; `saveState` after each layer. library.safetensors is
// kept anew.
Result<void> teachPuzzlePairs(RunContext& run, const DistillationRun& shared, const Json& rows,
                              BlockLibrary& library, const std::function<Result<void>()>& saveState);

// How pairs are scored: the settings "score" and, of a task, "questions".
Result<ScoreOptions> puzzleScoreOptions(RunContext& run, const DistillationRun& shared);

// The calibration windows that variants and assemblies are scored on: ids (B, T).
std::vector<at::Tensor> puzzleScoreWindows(const RunContext& run, const DistillationRun& shared);

// At the settings' deployment profile. `known`: what LibraryCosts::json() gave before the run was stopped,
// else null; times are measured once, and a resumed run searches with the same ones.
Result<LibraryCosts> puzzleCosts(RunContext& run, const LanguageModel& parent, const BlockLibrary& library,
                                 const Json& known);

}  // namespace vitrine
