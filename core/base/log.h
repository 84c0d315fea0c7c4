// Logging through spdlog: messages go to standard error (so that --json output stays clean) and to a rotating
// file in the user's state folder. VITRINE_LOG=debug|info|warn|error sets the level.
#pragma once

#include <spdlog/spdlog.h>

#include <filesystem>

namespace vitrine {

// Call once in main, before the first message. `program` names the log file.
void setUpLogging(const std::string& program);

// Folder of log files, per user.
std::filesystem::path logFolder();

namespace log = spdlog;

}  // namespace vitrine
