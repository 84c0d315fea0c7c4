// One thread that owns the engine and does what the window asks, newest first where it replaces something
// older.
#pragma once

#include "core/engine/inspect_engine.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace vitrine {

class EngineThread {
  public:
    // `work` runs on the engine thread. It must check job.stopRequested() between long steps.
    using Work = std::function<void(InspectEngine& engine, JobContext& job)>;
    // Called on the engine thread, before any work, with the error if the engine cannot be loaded.
    using ReadyCallback = std::function<void(const Result<void>&)>;
    // Called on the engine thread with the progress of what is running; `lane` says whose it is.
    using ProgressCallback = std::function<void(const std::string& lane, const Progress&)>;

    // Starts the thread and loads the engine library there: the caller never waits for LibTorch.
    EngineThread(ReadyCallback onReady, ProgressCallback onProgress);
    // Asks what is running to stop, drops the rest and waits.
    ~EngineThread();

    // Queues `work`. What waits in the same lane is dropped, what runs in the same lane is asked to stop:
    // latest wins. An empty lane name never replaces anything.
    void submit(const std::string& lane, Work work);
    // Drops and stops everything of this lane.
    void cancel(const std::string& lane);
    bool idle() const;

  private:
    struct Item {
        std::string lane;
        Work work;
    };
    void loop(ReadyCallback onReady, std::stop_token stopToken);

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Item> queue_;
    std::string runningLane_;
    bool running_ = false;
    std::stop_source runningStop_;
    ProgressCallback onProgress_;
    std::jthread thread_;
};

}  // namespace vitrine
