// The commands on projects and runs: project.create, project.info, runs.*, and run (which carries out a
// recipe).
#pragma once

#include "core/commands/command.h"
#include "core/runs/job_kind.h"

namespace vitrine {

void declareRunsCommands(CommandRegistry& registry);
// Binds all of them but "run".
void bindRunsCommands(CommandRegistry& registry);
// Binds "run" with the kinds of jobs that it can carry out.
void bindRunCommand(CommandRegistry& registry, JobKinds kinds);

}  // namespace vitrine
