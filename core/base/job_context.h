// What a long computation gets from whoever started it: a way to tell how far it is, and to learn that it
// should stop. The same object serves a command-line job, a job process of the window, and the engine thread.
#pragma once

#include "core/base/result.h"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace vitrine {

// State of a job as shown to a user.
struct Progress {
    std::string stage;  // "encoding images"
    int64_t done = 0;   // finished steps of this stage
    int64_t total = 0;  // 0: unknown
    double elapsedSeconds = 0;
    std::optional<double>
        remainingSeconds;  // estimate from the steps so far; absent until it means something

    // "encoding images 12/40, 8 s left"
    std::string text() const;
};

class JobContext {
  public:
    using ProgressCallback = std::function<void(const Progress&)>;

    JobContext() = default;
    JobContext(std::stop_token stopToken, ProgressCallback onProgress)
        : stopToken_(std::move(stopToken)), onProgress_(std::move(onProgress)) {}

    // Starts a stage of `total` steps (0: unknown) and reports it.
    void beginStage(std::string stage, int64_t total);
    // Reports that `steps` more steps are done. Callbacks come at most 20 times a second and at the end of
    // the stage.
    void advance(int64_t steps = 1);

    bool stopRequested() const { return stopToken_.stop_requested(); }
    std::stop_token stopToken() const { return stopToken_; }
    // Cancelled as an error once a stop was requested; call between steps.
    Result<void> checkStop() const;

    const Progress& progress() const { return progress_; }
    // For a job that runs another: where it reports to.
    const ProgressCallback& progressCallback() const { return onProgress_; }

  private:
    void report();

    std::stop_token stopToken_;
    ProgressCallback onProgress_;
    Progress progress_;
    std::chrono::steady_clock::time_point stageStart_{};
    std::chrono::steady_clock::time_point lastReport_{};
};

}  // namespace vitrine
