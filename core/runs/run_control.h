// What a running job and its control socket share: pause, stop, changed settings, actions, how far it is.
// Every function may be called from any thread.
//
// Requests (JSON objects): {"command": "status" | "pause" | "resume" | "stop" | "probe"}, {"command": "set",
// "key": "learning_rate", "value": 1e-4}, {"command": "do", "action": "export"}.
#pragma once

#include "core/base/job_context.h"
#include "core/base/json.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

namespace vitrine {

class RunControl {
  public:
    RunControl(std::string runId, Json settings, Json settingsSchema);

    // Requests from outside.
    Json handle(const Json& request);  // one line of the control socket; always an answer, never throws
    void pause(bool paused);
    void stop() { stop_.request_stop(); }
    // Refused (InvalidArgument, nearest key) unless the settings stay valid. Where the schema marks
    // properties with "live": true, only those (and what lies below them) may change. Takes effect at the
    // job's next pause point.
    Result<void> set(const std::string& path, const Json& value);
    // Asks for one of the job's actions, carried out at its next pause point, or at once while it is paused.
    // NotFound with the nearest name.
    Result<void> request(const std::string& action);

    // The job's side.
    // Says why settings that fit the schema cannot be had all the same; asked by set(), on its thread.
    using Check = std::function<Result<void>(const Json& settings)>;
    void checkChanges(Check check);
    // Settings that a checkpoint holds, before the job starts.
    void restore(const Json& settings);
    std::stop_token stopToken() const { return stop_.get_token(); }
    bool pauseRequested() const;
    // Returns at once when a stop or an action is requested.
    void waitWhilePaused();
    void offer(const std::string& action);
    std::vector<std::string> takeActions();  // those asked for since the last call, in order
    struct Change {
        std::string path;
        Json value;
        Json before;
    };
    // Changes since the last call; `settings` receives the settings now in force.
    std::vector<Change> takeChanges(Json& settings);
    void reportProgress(const Progress& progress);
    void reportMetric(std::string_view key, int64_t step, double value);

  private:
    Json status() const;

    const std::string runId_;
    const Json schema_;
    std::stop_source stop_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    bool paused_ = false;
    Json settings_;
    std::vector<Change> changes_;
    std::vector<std::string> offered_, actions_;
    Check check_;
    Progress progress_;
    std::map<std::string, std::pair<int64_t, double>, std::less<>> metrics_;
};

}  // namespace vitrine
