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

// Interactive: what the user waits for at once (maps, models). Background: long work over many pictures. It
// begins when nothing interactive waits, and whenever it reports progress, interactive work that came
// meanwhile is done first.
enum class EnginePriority { Interactive, Background };

class EngineThread {
  public:
    // `work` runs on the engine thread. It must check job.stopRequested() between long steps. Background work
    // must hold nothing of the engine across job.advance() that a map or a newly loaded model could change.
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
    void submit(const std::string& lane, Work work, EnginePriority priority = EnginePriority::Interactive);
    // Drops and stops everything of this lane.
    void cancel(const std::string& lane);
    bool idle() const;

  private:
    struct Item {
        std::string lane;
        Work work;
        EnginePriority priority;
    };
    struct Running {
        std::string lane;
        std::stop_source stop;
    };
    void loop(const ReadyCallback& onReady, std::stop_token stopToken);
    std::deque<Item>::iterator nextInteractive();
    // Takes `next` out of the queue and does it. The lock is held before and after, not meanwhile.
    void run(InspectEngine& engine, std::deque<Item>::iterator next, std::unique_lock<std::mutex>& lock);
    void runInteractive(InspectEngine& engine);
    void stopRunning(const std::string& lane);

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Item> queue_;
    std::vector<Running> running_;  // the last one interrupted those before
    ProgressCallback onProgress_;
    std::jthread thread_;
};

}  // namespace vitrine
