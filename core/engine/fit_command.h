// `vitrine upsampler fit PICTURE MODEL`: fits FeatUp's implicit upsampler to a picture and keeps the fit.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareFitCommand(CommandRegistry& registry);
// In the engine library.
void bindFitCommand(CommandRegistry& registry);

}  // namespace vitrine
