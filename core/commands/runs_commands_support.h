// What the handlers of the run commands share.
#pragma once

#include "core/commands/command.h"
#include "core/runs/run_store.h"

namespace vitrine {

// The project of the context, open; a clear error if none was given.
Result<Project> openProject(const CommandContext& context);
// The runs that "runs" (ids, beginnings of ids, "last") and "filter" in `arguments` name.
Result<std::vector<Run>> selectRuns(const Project& project, const Json& arguments, bool inTrash = false);
std::string timeText(double seconds);      // local time, "2025-03-01 14:02"
std::string durationText(double seconds);  // "1 h 02 min", "3.4 s"
std::string cellText(const SqlValue& value);

void bindRunsEditCommands(CommandRegistry& registry);

}  // namespace vitrine
