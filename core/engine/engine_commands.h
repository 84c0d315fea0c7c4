// Handlers of the commands that engine_command_specs.cpp declares.
#pragma once

#include "core/commands/command.h"
#include "core/engine/inspect_engine.h"

namespace vitrine {

// `engine` must outlive the registry.
void bindEngineCommands(CommandRegistry& registry, InspectEngine& engine);

// "inspect": the main job as a run of the project.
void bindInspectCommand(CommandRegistry& registry);

}  // namespace vitrine
