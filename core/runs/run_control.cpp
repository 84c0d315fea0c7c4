#include "core/runs/run_control.h"

#include "core/base/json_path.h"
#include "core/base/json_schema.h"
#include "core/base/nearest.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

bool isLiveSchema(const Json& schema) {
    return schema.value("live", false);
}

// Dotted paths of what may change while a job runs; entries of lists as "teachers[].feature_weight".
void collectLive(const Json& schema, const std::string& path, std::vector<std::string>& paths) {
    if (isLiveSchema(schema)) {
        paths.push_back(path);
        return;
    }
    if (schema.contains("properties"))
        for (const auto& [key, property] : schema["properties"].items())
            collectLive(property, path.empty() ? key : path + "." + key, paths);
    if (schema.contains("items"))
        collectLive(schema["items"], path + "[]", paths);
}

// Whether the schema says that the value at `path` may change. Unknown keys pass: the check of the whole
// value names them.
bool mayChange(const Json& schema, Json::json_pointer path) {
    const Json* node = &schema;
    std::vector<std::string> steps;
    for (; !path.empty(); path.pop_back())
        steps.push_back(path.back());
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        if (isLiveSchema(*node))
            return true;
        if (node->contains("properties") && (*node)["properties"].contains(*step))
            node = &(*node)["properties"][*step];
        else if (node->contains("items"))
            node = &(*node)["items"];
        else
            return true;
    }
    return isLiveSchema(*node);
}

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
    } else if (command == "do") {
        if (!request.contains("action") || !request["action"].is_string())
            return refusal({ErrorCode::InvalidArgument, "\"do\" needs an \"action\"", {}, {}});
        if (const auto done = this->request(request["action"]); !done)
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
                        "One of: status, pause, resume, stop, set, do, probe"});
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
               {"text", progress_.text()}}},
             {"actions", offered_}};
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
    changed_.wait(lock, stop_.get_token(), [&] { return !paused_ || !actions_.empty(); });
}

void RunControl::offer(const std::string& action) {
    std::lock_guard lock(mutex_);
    offered_.push_back(action);
}

Result<void> RunControl::request(const std::string& action) {
    std::lock_guard lock(mutex_);
    if (std::find(offered_.begin(), offered_.end(), action) == offered_.end()) {
        const auto nearest = nearestName(action, offered_);
        return fail(ErrorCode::NotFound, fmt::format("this job has no action \"{}\"", action), {},
                    nearest            ? fmt::format("Did you mean \"{}\"?", *nearest)
                    : offered_.empty() ? "It offers none (yet)"
                                       : fmt::format("One of: {}", fmt::join(offered_, ", ")));
    }
    // Asked for twice before it could be done: done once.
    if (std::find(actions_.begin(), actions_.end(), action) == actions_.end())
        actions_.push_back(action);
    changed_.notify_all();
    return {};
}

std::vector<std::string> RunControl::takeActions() {
    std::lock_guard lock(mutex_);
    return std::exchange(actions_, {});
}

Result<void> RunControl::set(const std::string& path, const Json& value) {
    std::lock_guard lock(mutex_);
    // "settings.lr" as in the recipe, or "lr".
    const std::string inner = path.starts_with("settings.") ? path.substr(9) : path;
    Json candidate = settings_;
    VITRINE_TRY_VOID(setAtPath(candidate, inner, value.dump(-1, ' ', false, Json::error_handler_t::replace)));
    VITRINE_TRY_VOID(checkJson(candidate, schema_, "settings"));
    const Json::json_pointer pointer = pointerOfPath(inner);
    std::vector<std::string> live;
    collectLive(schema_, {}, live);
    if (!live.empty() && !mayChange(schema_, pointer))
        return fail(ErrorCode::InvalidArgument, "this setting is fixed while the job runs",
                    "settings." + inner, fmt::format("These may change: {}", fmt::join(live, ", ")));
    if (check_)
        VITRINE_TRY_VOID(check_(candidate));
    Json before = settings_.contains(pointer) ? settings_.at(pointer) : Json();
    settings_ = std::move(candidate);
    changes_.push_back({inner, value, std::move(before)});
    return {};
}

void RunControl::checkChanges(Check check) {
    std::lock_guard lock(mutex_);
    check_ = std::move(check);
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
