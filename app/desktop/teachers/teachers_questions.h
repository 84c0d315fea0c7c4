// What the Teachers workspace asks the project: its statistics runs, how far one is, what it found. Called on
// a service's thread.
#pragma once

#include "core/runs/run_store.h"
#include "widgets/teachers/teacher_statistics.h"

#include <filesystem>
#include <optional>

namespace vitrine {

struct StatisticsRun {
    Run run;
    QStringList teachers;  // names of the model folders
    int64_t resolution = 0;
};
// Statistics runs that are not in the trash, the newest first.
Result<std::vector<StatisticsRun>> statisticsRuns(const Project& project);

// How far a live run is; asked of its process.
struct RunProgress {
    QString text;  // "statistics of clip: 12 of 40, 3 s left"
    double done = 0, total = 0;
};
Result<RunProgress> runProgress(const Project& project, const std::string& runId);

// What a run kept of one stream.
struct StreamFiles {
    std::filesystem::path moments;
    std::filesystem::path sample;  // of the features; empty: the run kept none
};

struct LoadedStatistics {
    std::string runId;
    QString caption;
    TeacherStatisticsList list;
    std::vector<StreamFiles> files;  // as `list`
};
// What a finished run stored. NotFound for one that has no results.
Result<LoadedStatistics> loadStatistics(const Project& project, const std::string& runId);

// The tables that a statistics run stores, into `statistics`. InvalidFile for anything else.
Result<void> readSpectrumCsv(std::string_view csv, TeacherStatistics& statistics);
Result<void> readChannelCsv(std::string_view csv, TeacherStatistics& statistics);
Result<void> readHistogramCsv(std::string_view csv, TeacherStatistics& statistics);

}  // namespace vitrine
