// `vitrine doctor`: does this installation work? Versions, devices, libraries, kernels against their
// references, plugins, the project's database; as a report to copy.
#pragma once

#include "core/commands/command.h"

namespace vitrine {

enum class CheckState { Good, Note, Bad };

struct DoctorCheck {
    std::string name;
    CheckState state = CheckState::Good;
    std::string finding;
    std::string hint;
};

void declareDoctor(CommandRegistry& registry);
// Works even if the engine library cannot be loaded: that is one of its findings.
void bindDoctor(CommandRegistry& registry);

}  // namespace vitrine
