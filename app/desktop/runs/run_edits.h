// What a user does to runs, as the commands that carry it out: the same as on the command line.
#pragma once

#include "core/base/json.h"
#include "widgets/runs/runs_table_panel.h"

#include <optional>

namespace vitrine {

struct RunCommand {
    std::string name;  // "runs.star"
    Json arguments;
};

struct RunEditCommands {
    RunCommand forward;
    std::optional<RunCommand> backward;  // what takes it back
    QString text;                        // "Star 3 runs"
};

RunEditCommands commandsOf(RunEdit edit, const std::vector<Run>& runs, const QString& text);

}  // namespace vitrine
