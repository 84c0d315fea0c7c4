// The commands that answer without LibTorch: the experiment database, model folders, plugins, self-check.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareCoreCommands(CommandRegistry& registry);
void bindCoreCommands(CommandRegistry& registry);

// The project folder a command works in: `given` if not empty, else $VITRINE_PROJECT, else the current folder
// if it holds a project, else <user data>/vitrine/default-project.
std::filesystem::path projectFolderFor(const std::string& given);

}  // namespace vitrine
