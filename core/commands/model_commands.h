// `vitrine model show`, `vitrine plugins list|enable|disable`.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareModelCommands(CommandRegistry& registry);
void bindModelCommands(CommandRegistry& registry);

}  // namespace vitrine
