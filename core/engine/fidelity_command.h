// `vitrine fidelity MODEL PICTURES`: the job kind "upsampler_fidelity" from the command line.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareFidelityCommand(CommandRegistry& registry);
// In the engine library.
void bindFidelityCommand(CommandRegistry& registry);

}  // namespace vitrine
