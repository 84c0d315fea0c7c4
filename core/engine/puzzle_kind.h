// The job "puzzle": a library of block variants of a language model, each taught alone; for each budget the
// best architecture by mixed-integer search beside greedy, random and uniform ones; the searched ones
// distilled whole. A budget may name several numbers of sequences at once, of which the best is kept. Whole
// blocks may be taken out first ("chain").
// puzzle.json has "chain", "library", "costs", "other_costs", "batches", "architectures" and "additivity".
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind puzzleKind();

}  // namespace vitrine
