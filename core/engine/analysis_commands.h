// Handlers of the commands that analysis_command_specs.cpp declares: compare, rank, pattern, neighbors,
// zeroshot.
#pragma once

#include "core/commands/command.h"
#include "core/engine/inspect_engine.h"

namespace vitrine {

// `engine` must outlive the registry.
void bindAnalysisCommands(CommandRegistry& registry, InspectEngine& engine);

}  // namespace vitrine
