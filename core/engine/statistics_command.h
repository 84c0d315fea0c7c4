// `vitrine statistics TEACHERS... PICTURES...`: runs the job "teacher-statistics" and prints its table.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareStatisticsCommand(CommandRegistry& registry);
// In the engine library.
void bindStatisticsCommand(CommandRegistry& registry);

}  // namespace vitrine
