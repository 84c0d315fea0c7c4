// `vitrine cloud FILE`: what is in a point cloud; the cloud as PLY; a picture of it.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareCloudCommand(CommandRegistry& registry);
// In the engine library: pictures are read and written there.
void bindCloudCommand(CommandRegistry& registry);

}  // namespace vitrine
