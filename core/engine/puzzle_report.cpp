#include "core/engine/puzzle_report.h"

#include "core/engine/compressed_model.h"

namespace vitrine {

Result<void> keepPuzzleReport(RunContext& run, const Json& report, const Json& times) {
    VITRINE_TRY([[maybe_unused]] const auto json,
                run.putArtifact("puzzle.json", report.dump(2) + "\n",
                                {.kind = "report", .mediaType = "application/json"}));
    VITRINE_TRY([[maybe_unused]] const auto log,
                run.putArtifact("times.json", times.dump(2) + "\n",
                                {.kind = "log", .mediaType = "application/json"}));
    VITRINE_TRY([[maybe_unused]] const auto table,
                run.putArtifact("architectures.csv",
                                jsonRowsCsv(report["architectures"],
                                            {"name", "how", "parameters", "bytes", "batch", "prompt_seconds",
                                             "token_seconds", "score", "proven", "nats_assembled", "steps",
                                             "nats_per_token", "difference_to_parent", "copying_gain"}),
                                {.kind = "table", .mediaType = "text/csv"}));
    return {};
}

}  // namespace vitrine
