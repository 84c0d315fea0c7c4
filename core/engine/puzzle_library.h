// The first part of the job "puzzle": the library of block variants, taught and scored. It is of `trunk`
// (puzzle_trunk.h), and scores compare with the run's parent.
#pragma once

#include "core/engine/puzzle_trunk.h"
#include "core/puzzle/block_scores.h"
#include "core/structured/structure_ranking.h"

namespace vitrine {

// Layer by layer: taught, scored, saved, as the run's settings say; `saveState` after each. Begins with what
// an earlier process left, or with the library that the settings name. Kept as library.safetensors.
// `ranking`: of the trunk.
Result<BlockLibrary> makePuzzleLibrary(RunContext& run, const DistillationRun& shared,
                                       const LanguageModel& trunk, const StructureRanking& ranking,
                                       const std::function<Result<void>()>& saveState);

// The second part: of each layer the pairs that architectures in `rows` chose ("choice", of a search), taught
// together for the setting "coupled_steps" and scored; `saveState` after each layer. library.safetensors is
// kept anew.
Result<void> teachPuzzlePairs(RunContext& run, const DistillationRun& shared, const LanguageModel& trunk,
                              const Json& rows, BlockLibrary& library,
                              const std::function<Result<void>()>& saveState);

// How pairs are scored: the settings "score" and, of a task, "questions".
Result<ScoreOptions> puzzleScoreOptions(RunContext& run, const DistillationRun& shared,
                                        const LanguageModel& trunk);

// The calibration windows that variants and assemblies are scored on: ids (B, T).
std::vector<at::Tensor> puzzleScoreWindows(const RunContext& run, const DistillationRun& shared);

}  // namespace vitrine
