#include "core/engine/training_run.h"

#include "core/runs/world_place.h"

namespace vitrine {
namespace fs = std::filesystem;

Result<TrainingCheckpoints> TrainingCheckpoints::open(RunContext& run) {
    TrainingCheckpoints checkpoints(run);
    VITRINE_TRY(checkpoints.folder_, run.checkpointFolder());
    if (run.savedState())
        checkpoints.lastName_ = run.savedState()->value("checkpoint", "");
    return checkpoints;
}

std::optional<fs::path> TrainingCheckpoints::last() const {
    return lastName_.empty() ? std::nullopt : std::optional(folder_ / lastName_);
}

Result<void> TrainingCheckpoints::keep(int64_t step, const std::function<Result<void>(const fs::path&)>& save,
                                       const Json& more) {
    const std::string name = fmt::format("step-{:07}.safetensors", step);
    VITRINE_TRY_VOID(save(folder_ / name));
    Json state = more;
    state["checkpoint"] = name;
    state["step"] = step;
    VITRINE_TRY_VOID(run_->saveState(state));
    std::error_code ignored;
    if (!lastName_.empty() && lastName_ != name)
        fs::remove(folder_ / lastName_, ignored);
    lastName_ = name;
    return {};
}

Result<std::unique_ptr<World>> joinOtherProcesses(RunContext& run) {
    VITRINE_TRY(const auto place, worldPlaceFromEnvironment());
    if (!place)
        return nullptr;
    run.job().beginStage(fmt::format("waiting for {} processes", place->size), 0);
    VITRINE_TRY(auto world, World::join(*place));
    run.log(fmt::format("process {} of {}", place->rank, place->size));
    return world;
}

Result<Json> settingsToGoOnWith(RunContext& run, World* world, const Json& inForce) {
    Json wanted = inForce;
    Result<void> goOn;
    if (!world || world->isFirst()) {
        goOn = run.pausePoint();
        wanted = run.settings();
    }
    if (world) {
        std::string message = !goOn ? "stop" : wanted != inForce ? wanted.dump() : "";
        VITRINE_TRY_VOID(world->share(message));
        if (message == "stop" && goOn)
            return fail(ErrorCode::Cancelled, "the first process was stopped");
        if (goOn && !message.empty()) {
            VITRINE_TRY(wanted, parseJson(message, "settings of the first process"));
        }
    }
    VITRINE_TRY_VOID(goOn);
    return wanted;
}

bool isDue(const Json& settings, const char* setting, int64_t step) {
    const int64_t every = settings[setting];
    return every > 0 && step % every == 0;
}

}  // namespace vitrine
