// What the Structures page asks of a run of puzzle: what it found, and another search in its library.
#pragma once

#include "app/desktop/compress/structure_questions.h"

namespace vitrine {

// puzzle.json into the run. What cannot be searched again can be shown all the same.
Result<void> readPuzzle(const Json& report, StructureRun& out);

// Another search; the problem of the solution says why there is none. Nothing at all without a budget. Blocks
// for seconds at most.
PuzzleSolution solvePuzzle(const StoredLibrary& library, const PuzzleBudgets& budgets);

}  // namespace vitrine
