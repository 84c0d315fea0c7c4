// Questions about the runs of a project: lists with filters, columns of the run table, comparison of runs.
//
// Filter language:
//   status = finished and (metrics.val/loss < 0.3 or tag = best) and not params.settings.lr >= 1e-3
//   fields: id name kind status device notes error sweep parent tag starred seed created started ended
//           duration (seconds), params.KEY, metrics.KEY (newest value), or a bare word (text in name, kind,
//           notes, id or tags). operators: = != < <= > >= ~ (contains) !~. Values with blanks in quotes.
//   params.lr finds "settings.lr" too.
#pragma once

#include "core/runs/run_store.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace vitrine {

enum class TrashFilter { Without, Only, With };

struct RunListOptions {
    std::string filter;  // filter language above; empty: all
    TrashFilter trash = TrashFilter::Without;
    std::string sort = "created";  // field, params.KEY or metrics.KEY
    bool descending = true;
    std::string groupBy;               // field or key: rows of a group come together; empty: none
    std::vector<std::string> columns;  // params.KEY and metrics.KEY to read along
    int64_t limit = 0;                 // 0: all
    int64_t offset = 0;
};

struct RunRow {
    Run run;
    std::vector<SqlValue> cells;  // one per column
    std::string group;
};

// Ids of the runs (row numbers) that pass the filter, without reading the rows.
Result<std::vector<int64_t>> filterRuns(const Project& project, const std::string& filter,
                                        TrashFilter trash = TrashFilter::Without);
Result<std::vector<RunRow>> listRuns(const Project& project, const RunListOptions& options);
// Why a filter cannot be used, with the nearest known name; for an edit field while typing.
Result<void> checkFilter(const Project& project, const std::string& filter);

// Every column that some run has: "params.seed", "metrics.loss", ... sorted.
Result<std::vector<std::string>> columnNames(const Project& project);
// Values of one column ("params.KEY" or "metrics.KEY") by run number: one contiguous read, so that a table
// fetches only the columns on screen.
Result<std::unordered_map<int64_t, SqlValue>> columnValues(const Project& project, const std::string& column);

// One line of a comparison: a key and its value in each run (NULL: absent).
struct ComparedValue {
    std::string key;  // "params.settings.lr", "metrics.loss", "environment.git.commit"
    std::vector<SqlValue> values;
    bool differs = false;
};
Result<std::vector<ComparedValue>> compareRuns(const Project& project, const std::vector<Run>& runs,
                                               bool onlyDifferences);

}  // namespace vitrine
