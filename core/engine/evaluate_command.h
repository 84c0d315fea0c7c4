// `vitrine evaluate`: the job kind "evaluate" from the command line.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareEvaluateCommand(CommandRegistry& registry);
void bindEvaluateCommand(CommandRegistry& registry);

}  // namespace vitrine
