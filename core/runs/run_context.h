// What a job gets from the runner: its recipe, progress and stop, and ways to record what it finds. Belongs
// to the job's thread, except metric(), which any thread may call.
#pragma once

#include "core/base/job_context.h"
#include "core/runs/metric_writer.h"
#include "core/runs/run_control.h"
#include "core/runs/run_store.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace vitrine {

struct ArtifactOptions {
    std::string kind = "file";
    int64_t step = -1;      // -1: belongs to no step
    std::string mediaType;  // "image/png"; may be empty
    Json provenance = Json::object();
};

class RunContext {
  public:
    RunContext(const Project& project, Run run, Json recipe, std::unique_ptr<MetricWriter> metrics,
               RunControl& control, JobContext job);

    const Project& project() const { return project_; }
    const Run& run() const { return run_; }
    const Json& recipe() const { return recipe_; }
    // Settings in force: the recipe's, with what was changed while running (see pausePoint).
    const Json& settings() const { return settings_; }
    uint64_t seed() const { return uint64_t(run_.seed.value_or(0)); }
    JobContext& job() { return job_; }

    void metric(std::string_view key, int64_t step, double value);
    Result<StoredFile> putArtifact(const std::string& name, std::string_view content,
                                   const ArtifactOptions& options = {});
    // The file is copied into the project; with `moveIn` it is moved.
    Result<StoredFile> putArtifactFile(const std::string& name, const std::filesystem::path& file,
                                       const ArtifactOptions& options = {}, bool moveIn = false);
    Result<void> event(const std::string& kind, const Json& data = Json::object());
    // Records that the run used an artifact, model or data set (kind, reference: a hash or path).
    Result<void> usedInput(const std::string& kind, const std::string& reference, const std::string& label);
    // Writes a line to the log and to the run's events.
    void log(const std::string& message);

    // Folder for large checkpoint files, made on the first call. Write a file under a new name, then call
    // saveState with that name in the state: a kill between leaves the older checkpoint whole.
    Result<std::filesystem::path> checkpointFolder();
    // Makes `state` (and everything recorded so far) the point that a resumed run goes on from.
    Result<void> saveState(const Json& state);
    // State of the last checkpoint; nothing for a run that starts from its beginning.
    const std::optional<Json>& savedState() const { return savedState_; }

    // Why changed settings that fit the schema are refused all the same. Called on another thread.
    void checkChanges(RunControl::Check check) { control_.checkChanges(std::move(check)); }
    // Offers something that can be asked for while the job runs ("export"): carried out inside pausePoint,
    // also while the run is paused. What was done, or why it failed, becomes an event; the run goes on.
    void onAction(const std::string& name, std::function<Result<void>()> action);
    // Call between steps. Blocks while the run is paused, carries out actions, applies changed settings (each
    // becomes an event), and gives Cancelled once a stop was requested.
    Result<void> pausePoint();

    Result<void> flush() { return metrics_->flush(); }
    // Reads the checkpoint of an earlier process; false if there is none.
    Result<bool> loadState();

  private:
    std::filesystem::path statePath() const;
    Result<void> applyChanges();
    Result<void> carryOutActions();

    const Project& project_;
    RunStore store_;
    Run run_;
    Json recipe_;
    Json settings_;
    std::unique_ptr<MetricWriter> metrics_;
    RunControl& control_;
    JobContext job_;
    std::optional<Json> savedState_;
    std::map<std::string, std::function<Result<void>()>> actions_;
};

}  // namespace vitrine
