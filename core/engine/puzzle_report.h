// What the job "puzzle" keeps at its end: puzzle.json, the table architectures.csv, times.json.
#pragma once

#include "core/runs/run_context.h"

namespace vitrine {

// `report`: puzzle.json as puzzle_kind.h says; `times`: seconds of the solver, which differ from run to run.
Result<void> keepPuzzleReport(RunContext& run, const Json& report, const Json& times);

}  // namespace vitrine
