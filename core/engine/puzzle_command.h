// The command "puzzle": another search in what a run of the job "puzzle" kept, without its model.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declarePuzzleCommand(CommandRegistry& registry);
void bindPuzzleCommand(CommandRegistry& registry);

}  // namespace vitrine
