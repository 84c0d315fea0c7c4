// Read-only SQL over the experiment database, for the console and `vitrine runs sql`.
#pragma once

#include "core/runs/project.h"

#include <stop_token>
#include <string>
#include <vector>

namespace vitrine {

struct SqlLimits {
    double seconds = 10;
    int64_t rows = 10000;
    int64_t bytes = 64 << 20;  // of text in the result
    std::stop_token stop{};    // ends it early: Cancelled
};

struct SqlTable {
    std::vector<std::string> columns;
    std::vector<std::vector<SqlValue>> rows;
    bool truncated = false;  // a limit on rows or bytes was met
    double seconds = 0;
};

// One SELECT (or WITH, EXPLAIN, PRAGMA table_info ...) on a connection of its own. Anything that writes,
// attaches files or loads extensions is refused: PermissionDenied. Busy once the time is up.
Result<SqlTable> querySql(const Project& project, const std::string& sql, const SqlLimits& limits = {});

}  // namespace vitrine
