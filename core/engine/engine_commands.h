// Handlers of the commands that engine_command_specs.cpp declares.
#pragma once

#include "core/commands/command.h"
#include "core/engine/inspect_engine.h"

namespace vitrine {

// `engine` must outlive the registry.
void bindEngineCommands(CommandRegistry& registry, InspectEngine& engine);

// Its parts, one file each. "inspect": the main job as a run of the project.
void bindInspectCommand(CommandRegistry& registry);
// "verify"
void bindVerifyCommand(CommandRegistry& registry);
// "model.families", "model.info", "classify"
void bindEncoderCommands(CommandRegistry& registry);
// "map", "upsamplers"
void bindMapCommands(CommandRegistry& registry, InspectEngine& engine);

}  // namespace vitrine
