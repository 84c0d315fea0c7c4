#include "core/runs/run_context.h"

#include "core/base/file.h"
#include "core/base/log.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// The store knows files by their content; in an error a person looks for the name.
Result<StoredFile> named(const std::string& name, Result<StoredFile> stored) {
    if (!stored)
        return fail(stored.error().in(name));
    return stored;
}

}  // namespace

RunContext::RunContext(const Project& project, Run run, Json recipe, std::unique_ptr<MetricWriter> metrics,
                       RunControl& control, JobContext job)
    : project_(project),
      store_(project),
      run_(std::move(run)),
      recipe_(std::move(recipe)),
      settings_(recipe_.value("settings", Json::object())),
      metrics_(std::move(metrics)),
      control_(control),
      job_(std::move(job)) {}

void RunContext::metric(std::string_view key, int64_t step, double value) {
    metrics_->add(key, step, value);
    control_.reportMetric(key, step, value);
}

Result<StoredFile> RunContext::putArtifact(const std::string& name, std::string_view content,
                                           const ArtifactOptions& options) {
    VITRINE_TRY(StoredFile stored, named(name, project_.artifacts().putBytes(content)));
    VITRINE_TRY_VOID(
        store_.addArtifact(run_, {0, name, options.kind, options.step, stored.sha256, stored.bytes,
                                  options.mediaType, options.provenance, nowSeconds()}));
    VITRINE_TRY_VOID(store_.addLineage(run_, {run_.id, "output", "artifact", stored.sha256, name}));
    return stored;
}

Result<StoredFile> RunContext::putArtifactFile(const std::string& name, const fs::path& file,
                                               const ArtifactOptions& options, bool moveIn) {
    VITRINE_TRY(StoredFile stored, named(name, project_.artifacts().putFile(file, moveIn)));
    VITRINE_TRY_VOID(
        store_.addArtifact(run_, {0, name, options.kind, options.step, stored.sha256, stored.bytes,
                                  options.mediaType, options.provenance, nowSeconds()}));
    VITRINE_TRY_VOID(store_.addLineage(run_, {run_.id, "output", "artifact", stored.sha256, name}));
    return stored;
}

Result<void> RunContext::event(const std::string& kind, const Json& data) {
    return store_.addEvent(run_, kind, data);
}

Result<void> RunContext::usedInput(const std::string& kind, const std::string& reference,
                                   const std::string& label) {
    return store_.addLineage(run_, {run_.id, "input", kind, reference, label});
}

void RunContext::log(const std::string& message) {
    vitrine::log::info("{}", message);
    if (const auto kept = store_.addEvent(run_, "log", {{"message", message}}); !kept)
        vitrine::log::warn("the message was not recorded: {}", kept.error().text());
}

fs::path RunContext::statePath() const {
    return project_.runFolder(run_.id) / "checkpoint" / "state.json";
}

Result<fs::path> RunContext::checkpointFolder() {
    const fs::path folder = statePath().parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        return fail(errorFromErrno(error.value(), "create the checkpoint folder", folder));
    return folder;
}

Result<void> RunContext::saveState(const Json& state) {
    // The metrics up to here first: what the checkpoint says is done must be in the database.
    VITRINE_TRY_VOID(metrics_->flush());
    VITRINE_TRY_VOID(checkpointFolder().map([](const auto&) {}));
    const Json content{{"state", state}, {"settings", settings_}, {"saved", nowSeconds()}};
    return writeFileAtomically(statePath(), content.dump() + "\n");
}

Result<bool> RunContext::loadState() {
    std::error_code ignored;
    if (!fs::exists(statePath(), ignored))
        return false;
    VITRINE_TRY(Json content, readJsonFile(statePath()));
    if (!content.is_object() || !content.contains("state") || !content.contains("settings"))
        return fail(ErrorCode::InvalidFile, "the checkpoint is damaged", statePath().string(),
                    "Remove the file to start the run from its beginning");
    savedState_ = content["state"];
    settings_ = content["settings"];
    return true;
}

void RunContext::onAction(const std::string& name, std::function<Result<void>()> action) {
    actions_[name] = std::move(action);
    control_.offer(name);
}

Result<void> RunContext::applyChanges() {
    for (const RunControl::Change& change : control_.takeChanges(settings_))
        VITRINE_TRY_VOID(
            event("set", {{"key", change.path}, {"value", change.value}, {"before", change.before}}));
    return {};
}

Result<void> RunContext::carryOutActions() {
    for (const std::string& name : control_.takeActions()) {
        Result<void> done = actions_.at(name)();
        if (!done && done.error().code == ErrorCode::Cancelled)
            return done;
        Json what{{"action", name}};
        if (!done) {
            what["error"] = done.error().text();
            vitrine::log::warn("{}: {}", name, done.error().text());
        }
        VITRINE_TRY_VOID(event("action", what));
    }
    return {};
}

Result<void> RunContext::pausePoint() {
    VITRINE_TRY_VOID(job_.checkStop());
    VITRINE_TRY_VOID(metrics_->refusal());
    VITRINE_TRY_VOID(carryOutActions());
    if (control_.pauseRequested()) {
        VITRINE_TRY_VOID(metrics_->flush());
        VITRINE_TRY_VOID(store_.setStatus(run_, RunStatus::Paused));
        VITRINE_TRY_VOID(event("paused"));
        while (control_.pauseRequested() && !job_.stopRequested()) {
            control_.waitWhilePaused();
            VITRINE_TRY_VOID(carryOutActions());
            VITRINE_TRY_VOID(metrics_->flush());
        }
        VITRINE_TRY_VOID(store_.setStatus(run_, RunStatus::Running));
        VITRINE_TRY_VOID(event("resumed"));
    }
    VITRINE_TRY_VOID(applyChanges());
    return job_.checkStop();
}

}  // namespace vitrine
