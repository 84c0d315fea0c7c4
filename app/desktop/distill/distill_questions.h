// What the Distill workspace asks the project: its distillation runs, and all that is known of one. Called on
// a service's thread.
#pragma once

#include "core/runs/run_store.h"
#include "core/runs/series.h"
#include "widgets/runs/media_steps.h"

#include <map>
#include <memory>

namespace vitrine {

struct DistillRun {
    Run run;
    QStringList teachers;  // names of the adaptors
    int64_t steps = 0;     // wanted
    int64_t step = 0;      // the newest that was recorded
    double loss = 0;       // there; NaN: none yet
};
// Distillation runs that are not in the trash, the newest first.
Result<std::vector<DistillRun>> distillRuns(const Project& project);

using SeriesMap = std::map<std::string, std::shared_ptr<const std::vector<SeriesPoint>>>;

// One run as the cockpit shows it.
struct CockpitRun {
    Run run;
    QStringList teachers;
    Json recipe = Json::object();
    Json settings = Json::object();  // in force: as the running job says, else of the last checkpoint
    SeriesMap series;
    std::vector<RunEvent> events;
    std::vector<MediaItem> probes;  // of pictures and maps, names as stored
    int64_t checkpointStep = -1;    // -1: none
    std::vector<Artifact> student;  // the newest stored one, whole; empty: none
    std::filesystem::path runFolder;

    int64_t step() const;  // the newest that was recorded; 0: none
    const std::vector<SeriesPoint>* points(const std::string& metric) const;
};
// `known`: what was read of this run before, or null: only newer points are read.
Result<std::shared_ptr<const CockpitRun>> cockpitRun(const Project& project, const std::string& runId,
                                                     const std::shared_ptr<const CockpitRun>& known);

// How far a live run is, asked of its process.
struct JobAnswer {
    std::string status;            // "running", "paused", "stopping"
    QString text;                  // "training: 12 of 40, 3 s left"
    double remainingSeconds = -1;  // below 0: not known yet
    Json settings = Json::object();
};
Result<JobAnswer> askJob(const Project& project, const std::string& runId);

// Copies the stored student of a run into a folder, as an ordinary RADIO folder. NotFound where none is
// stored yet.
Result<void> exportStudentFolder(const Project& project, const CockpitRun& run,
                                 const std::filesystem::path& folder);

}  // namespace vitrine
