// What the training jobs have in common: the checkpoint that a run goes on from, and settings that change
// while several processes train together.
#pragma once

#include "core/distributed/world.h"
#include "core/runs/run_context.h"

#include <filesystem>
#include <functional>

namespace vitrine {

// One file, always whole: a new one is written before the run's state names it, and the old one is removed
// after.
class TrainingCheckpoints {
  public:
    // The run's folder of checkpoints, and the file that the run's state names.
    static Result<TrainingCheckpoints> open(RunContext& run);

    const std::filesystem::path& folder() const { return folder_; }
    // What to go on from; none: a fresh run.
    std::optional<std::filesystem::path> last() const;
    // `save` writes the file it is given. `more` becomes part of the run's state, under its own names.
    Result<void> keep(int64_t step, const std::function<Result<void>(const std::filesystem::path&)>& save,
                      const Json& more = Json::object());

  private:
    explicit TrainingCheckpoints(RunContext& run) : run_(&run) {}

    RunContext* run_;
    std::filesystem::path folder_;
    std::string lastName_;
};

// True for every step that is a multiple of settings[setting]; never where that is 0.
bool isDue(const Json& settings, const char* setting, int64_t step);

// The processes that share the work, as torchrun's or Slurm's environment tells; null: this one alone.
Result<std::unique_ptr<World>> joinOtherProcesses(RunContext& run);

// Waits while the run is paused; an error where it was stopped. Else the settings to go on with, the same in
// every process: the first one is paused, stopped and given other settings, the others do as it does. `world`
// is null where one process trains alone.
Result<Json> settingsToGoOnWith(RunContext& run, World* world, const Json& inForce);

}  // namespace vitrine
