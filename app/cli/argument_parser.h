// The command line made from the command registry: "runs.list" becomes `vitrine runs list`, and every
// property of its argument schema becomes an option (maxRows -> --max-rows) or a positional.
#pragma once

#include "core/commands/command.h"

#include <optional>
#include <string>
#include <vector>

namespace vitrine::cli {

struct ParsedCommandLine {
    std::string command;  // dotted name; empty if only help or the version was asked for
    Json arguments = Json::object();
    bool json = false;            // print the result as JSON
    bool quiet = false;           // no progress
    std::string project;          // --project, or empty
    std::optional<int> exitCode;  // set if the parser already answered (help, version, usage error)
};

ParsedCommandLine parseCommandLine(const CommandRegistry& registry, std::vector<std::string> arguments);

}  // namespace vitrine::cli
