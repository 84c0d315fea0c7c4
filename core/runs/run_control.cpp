#include "core/runs/run_control.h"

#include "core/base/json_schema.h"

#include <unistd.h>

#include <cmath>

namespace vitrine {
namespace {

Json refusal(const Error& error) {
    return {{"ok", false},
            {"error",
             {{"code", errorCodeName(error.code)},
              {"message", error.message},
              {"where", error.where},
              {"hint", error.hint}}}};
}

// JSON has no NaN and no infinity.
Json numberOrText(double value) {
    return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value));
}

}  // namespace

RunControl::RunControl(std::string runId, Json settings, Json settingsSchema)
    : runId_(std::move(runId)), schema_(std::move(settingsSchema)), settings_(std::move(settings)) {}

Json RunControl::handle(const Json& request) {
    if (!request.is_object() || !request.contains("command") || !request["command"].is_string())
        return refusal({ErrorCode::InvalidArgument, "expected an object with a \"command\"", {}, {}});
    const std::string command = request["command"];
    if (command == "pause" || command == "resume") {
        pause(command == "pause");
    } else if (command == "stop") {
        stop();
    } else if (command == "set") {
        if (!request.contains("key") || !request["key"].is_string() || !request.contains("value"))
            return refusal({ErrorCode::InvalidArgument, "\"set\" needs \"key\" and \"value\"", {}, {}});
        if (const auto done = set(request["key"], request["value"]); !done)
            return refusal(done.error());
    } else if (command == "probe") {
        std::lock_guard lock(mutex_);
        Json metrics = Json::object();
        for (const auto& [key, newest] : metrics_)
            metrics[key] = {{"step", newest.first}, {"value", numberOrText(newest.second)}};
        return {{"ok", true}, {"run", runId_}, {"metrics", std::move(metrics)}, {"settings", settings_}};
    } else if (command != "status") {
        return refusal({ErrorCode::InvalidArgument,
                        fmt::format("there is no control command \"{}\"", command),
                        {},
                        "One of: status, pause, resume, stop, set, probe"});
    }
    return status();
}

Json RunControl::status() const {
    std::lock_guard lock(mutex_);
    Json out{{"ok", true},
             {"run", runId_},
             {"pid", ::getpid()},
             {"status", stop_.stop_requested() ? "stopping"
                        : paused_              ? "paused"
                                               : "running"},
             {"progress",
              {{"stage", progress_.stage},
               {"done", progress_.done},
               {"total", progress_.total},
               {"elapsed_seconds", progress_.elapsedSeconds},
               {"text", progress_.text()}}}};
    if (progress_.remainingSeconds)
        out["progress"]["remaining_seconds"] = *progress_.remainingSeconds;
    return out;
}

void RunControl::pause(bool paused) {
    std::lock_guard lock(mutex_);
    paused_ = paused;
    changed_.notify_all();
}

bool RunControl::pauseRequested() const {
    std::lock_guard lock(mutex_);
    return paused_;
}

void RunControl::waitWhilePaused() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop_.get_token(), [&] { return !paused_; });
}

Result<void> RunControl::set(const std::string& path, const Json& value) {
    std::lock_guard lock(mutex_);
    // "settings.lr" as in the recipe, or "lr".
    const std::string inner = path.starts_with("settings.") ? path.substr(9) : path;
    Json candidate = settings_;
    VITRINE_TRY_VOID(setAtPath(candidate, inner, value.dump(-1, ' ', false, Json::error_handler_t::replace)));
    VITRINE_TRY_VOID(checkJson(candidate, schema_, "settings"));
    Json before;
    try {
        before = settings_.at(Json::json_pointer("/" + inner));
    } catch (const Json::exception&) {
        before = nullptr;  // a nested path: the event still holds the new value
    }
    settings_ = std::move(candidate);
    changes_.push_back({inner, value, std::move(before)});
    return {};
}

void RunControl::restore(const Json& settings) {
    std::lock_guard lock(mutex_);
    settings_ = settings;
}

std::vector<RunControl::Change> RunControl::takeChanges(Json& settings) {
    std::lock_guard lock(mutex_);
    if (!changes_.empty())
        settings = settings_;
    return std::exchange(changes_, {});
}

void RunControl::reportProgress(const Progress& progress) {
    std::lock_guard lock(mutex_);
    progress_ = progress;
}

void RunControl::reportMetric(std::string_view key, int64_t step, double value) {
    std::lock_guard lock(mutex_);
    const auto found = metrics_.find(key);
    if (found != metrics_.end())
        found->second = {step, value};
    else
        metrics_.emplace(std::string(key), std::pair{step, value});
}

}  // namespace vitrine
