// The command `segment`: outlines what points, boxes or a text mean in a picture.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareSegmentCommand(CommandRegistry& registry);
// Part of the library that needs LibTorch.
void bindSegmentCommand(CommandRegistry& registry);

}  // namespace vitrine
