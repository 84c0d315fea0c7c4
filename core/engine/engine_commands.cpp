#include "core/engine/engine_commands.h"

#include "core/engine/analysis_commands.h"
#include "core/engine/cloud_command.h"
#include "core/engine/evaluate_command.h"
#include "core/engine/fidelity_command.h"
#include "core/engine/fit_command.h"
#include "core/engine/language_commands.h"
#include "core/engine/merging_command.h"
#include "core/engine/puzzle_command.h"
#include "core/engine/segment_command.h"
#include "core/engine/statistics_command.h"

namespace vitrine {

void bindEngineCommands(CommandRegistry& registry, InspectEngine& engine) {
    bindInspectCommand(registry);
    bindAnalysisCommands(registry, engine);
    bindCloudCommand(registry);
    bindEvaluateCommand(registry);
    bindFidelityCommand(registry);
    bindFitCommand(registry);
    bindMergingCommand(registry);
    bindLanguageCommands(registry);
    bindPuzzleCommand(registry);
    bindSegmentCommand(registry);
    bindStatisticsCommand(registry);
    bindVerifyCommand(registry);
    bindEncoderCommands(registry);
    bindMapCommands(registry, engine);
}

}  // namespace vitrine
