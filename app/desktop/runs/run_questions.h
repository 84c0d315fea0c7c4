// What the Runs workspace asks the project: whole answers for its panels. Called on a service's thread.
#pragma once

#include "core/runs/run_query.h"
#include "widgets/runs/chart_data.h"
#include "widgets/runs/detail_panel.h"
#include "widgets/runs/lineage_layout.h"
#include "widgets/runs/media_steps.h"
#include "widgets/runs/run_table_model.h"

#include <set>

namespace vitrine {

struct RunTableAnswer {
    RunTableModel::Runs runs;
    std::vector<std::string> columns;
};
// Every run (of the trash, or outside it) and the names of all columns.
Result<RunTableAnswer> tableRuns(const Project& project, bool trash);
// Fixed and keyed columns that are not the same in all of `runs`; a key that some of them lack differs.
Result<std::set<std::string>> differingColumns(const Project& project, const std::vector<int64_t>& numbers,
                                               const std::vector<Run>& runs);
Result<RunDetails> runDetails(const Project& project, int64_t number, const std::string& id);

// Metrics that any of the runs has, sorted.
Result<QStringList> metricsOf(const Project& project, const std::vector<Run>& runs);
// Series of `metric` for the runs that have it. Runs with equal parameters but for the seed (and the name)
// share a seed group, named like the first of them. Colours are left to the caller.
Result<std::vector<MetricSeries>> metricSeries(const Project& project, const std::vector<Run>& runs,
                                               const std::string& metric);
// Stored pictures of the runs.
Result<std::vector<MediaItem>> mediaOf(const Project& project, const std::vector<Run>& runs);
Result<LineageGraph> lineageOf(const Project& project, const Run& run);

struct LoadedImage {
    QString path;
    QImage image;
    QString error;
};
// Decodes a stored picture; bad files give a text, never a crash. At most 64 million pixels.
LoadedImage loadImage(const QString& path);

}  // namespace vitrine
