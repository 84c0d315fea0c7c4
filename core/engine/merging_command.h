// `vitrine merge MODEL PICTURES`: the job kind "token_merging" from the command line.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareMergingCommand(CommandRegistry& registry);
// In the engine library.
void bindMergingCommand(CommandRegistry& registry);

}  // namespace vitrine
