// The commands `claims.list`, `claims.show` and `claims.run`.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareClaimCommands(CommandRegistry& registry);
// Handlers that need no LibTorch: claims.list and claims.show.
void bindClaimCommands(CommandRegistry& registry);
// claims.run; part of the library that holds the experiments.
void bindClaimRunCommand(CommandRegistry& registry);

}  // namespace vitrine
