// What the Compress workspace asks the project: its compression runs, what one found, how long plans took.
// Called on a service's thread.
#pragma once

#include "core/runs/run_store.h"

#include <QString>
#include <map>
#include <memory>
#include <vector>

namespace vitrine {

struct CompressRunLine {
    Run run;
    QString model;    // name of its folder or file
    int plans = 0;    // those of the recipe
    int done = 0;     // rows there are: dense model and controls included
    double best = 0;  // loss of the best plan: nats per token, feature error; NaN: none yet
};
// Compression runs that are not in the trash, the newest first.
Result<std::vector<CompressRunLine>> compressRuns(const Project& project);

// One run, whole or as far as it has come.
struct CompressedRun {
    Run run;
    Json recipe = Json::object();
    Json rows = Json::array();    // of compression.json: plan, nats_per_token or feature_error, key, …
    Json layers = Json::array();  // plan, name, relative_error, …
    Json times = Json::array();   // plan, …_seconds
    Json speed;                   // rows and verdict of 2:4 products; null: not measured
    std::string bestPlan;
    std::map<std::string, std::filesystem::path> files;  // stored artifacts by name
    std::filesystem::path modelsFolder;                  // where it puts models
    std::vector<RunEvent> events;

    std::string model() const;
    bool isOfEncoder() const { return !rows.empty() && rows.front().contains("feature_error"); }
    // The row of a plan, or null.
    const Json* row(const std::string& plan) const;
    // masks.safetensors or spectra.safetensors of a plan; empty: it has none.
    std::filesystem::path fileOf(const std::string& plan, const std::string& name) const;
    // The model folder of a plan that is still there; empty: none was kept.
    std::filesystem::path folderOf(const std::string& plan) const;
};
Result<std::shared_ptr<const CompressedRun>> compressedRun(const Project& project, const std::string& runId);

// Seconds of a plan for each weight of the layers that it changed, in one run.
struct MeasuredPlan {
    std::string plan, model;
    double secondsPerWeight = 0;
};
Result<std::vector<MeasuredPlan>> measuredPlans(const Project& project);

// How far a live run is; asked of its process.
struct CompressProgress {
    QString text;
    double done = 0, total = 0;
    bool paused = false;
};
Result<CompressProgress> compressProgress(const Project& project, const std::string& runId);

// Copies a model folder file by file; each is written whole or not at all. Errors: NotFound, InvalidArgument
// for a folder that holds something, DiskFull.
Result<void> copyModelFolder(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace vitrine
