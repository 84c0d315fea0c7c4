// Runs as text that other programs read.
#pragma once

#include "core/base/csv.h"
#include "core/runs/run_store.h"

#include <string>
#include <vector>

namespace vitrine {

Json jsonOf(const SqlValue& value);  // NULL is null; infinities are text
Json jsonOf(const Run& run);         // without parameters and metrics

// A table: one line per run with every parameter and the newest value of every metric.
Result<std::string> exportTableCsv(const Project& project, const std::vector<Run>& runs);
// Metric points, one a line: run,name,metric,step,time,value.
Result<std::string> exportSeriesCsv(const Project& project, const std::vector<Run>& runs);
// Everything about one run: row, recipe, parameters, environment, series, artifacts, events.
Result<Json> exportRunJson(const Project& project, const Run& run);

}  // namespace vitrine
