// `vitrine perplexity`, `vitrine choices` and `vitrine generate`. The first two run the job
// "evaluate-language", so that their results are in the project.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

void declareLanguageCommands(CommandRegistry& registry);
// In the engine library.
void bindLanguageCommands(CommandRegistry& registry);

}  // namespace vitrine
