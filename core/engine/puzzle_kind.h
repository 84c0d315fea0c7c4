// The job "puzzle": a library of block variants of a language model, each taught alone; for each budget the
// best architecture by mixed-integer search beside greedy, random and uniform ones; the searched ones
// distilled whole. puzzle.json has "library", "costs", "architectures" and "additivity".
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind puzzleKind();

}  // namespace vitrine
