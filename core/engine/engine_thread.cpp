#include "core/engine/engine_thread.h"

#include "core/base/log.h"
#include "core/engine/engine_loader.h"

#include <algorithm>

namespace vitrine {

EngineThread::EngineThread(ReadyCallback onReady, ProgressCallback onProgress)
    : onProgress_(std::move(onProgress)) {
    thread_ = std::jthread(
        [this, onReady = std::move(onReady)](std::stop_token stopToken) { loop(onReady, stopToken); });
}

EngineThread::~EngineThread() {
    {
        std::lock_guard lock(mutex_);
        queue_.clear();
        for (Running& each : running_)
            each.stop.request_stop();
    }
    thread_.request_stop();
}

void EngineThread::submit(const std::string& lane, Work work, EnginePriority priority) {
    {
        std::lock_guard lock(mutex_);
        if (!lane.empty())
            stopRunning(lane);
        queue_.push_back({lane, std::move(work), priority});
    }
    changed_.notify_one();
}

void EngineThread::cancel(const std::string& lane) {
    std::lock_guard lock(mutex_);
    stopRunning(lane);
}

void EngineThread::stopRunning(const std::string& lane) {
    std::erase_if(queue_, [&](const Item& item) { return item.lane == lane; });
    for (Running& each : running_)
        if (each.lane == lane)
            each.stop.request_stop();
}

bool EngineThread::idle() const {
    std::lock_guard lock(mutex_);
    return queue_.empty() && running_.empty();
}

std::deque<EngineThread::Item>::iterator EngineThread::nextInteractive() {
    return std::find_if(queue_.begin(), queue_.end(),
                        [](const Item& item) { return item.priority == EnginePriority::Interactive; });
}

void EngineThread::run(InspectEngine& engine, std::deque<Item>::iterator next,
                       std::unique_lock<std::mutex>& lock) {
    Item item = std::move(*next);
    queue_.erase(next);
    Running& running = running_.emplace_back(Running{item.lane, {}});
    JobContext job(running.stop.get_token(), [this, &engine, &item](const Progress& progress) {
        if (onProgress_)
            onProgress_(item.lane, progress);
        if (item.priority == EnginePriority::Background)
            runInteractive(engine);
    });
    lock.unlock();
    try {
        item.work(engine, job);
    } catch (...) {
        // Engine calls turn foreign exceptions into errors themselves; what arrives here comes from the
        // caller's code.
        log::error("{}", errorFromCurrentException("engine thread").text());
    }
    item.work = nullptr;
    lock.lock();
    running_.pop_back();
}

void EngineThread::runInteractive(InspectEngine& engine) {
    std::unique_lock lock(mutex_);
    for (auto next = nextInteractive(); next != queue_.end(); next = nextInteractive())
        run(engine, next, lock);
}

void EngineThread::loop(const ReadyCallback& onReady, std::stop_token stopToken) {
    const auto loaded = loadEngine();
    std::unique_ptr<InspectEngine> engine;
    if (loaded)
        engine = (*loaded)->createInspectEngine();
    onReady(loaded ? Result<void>{} : Result<void>(fail(loaded.error())));
    if (!engine)
        return;

    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stopToken, [this] { return !queue_.empty(); })) {
        const auto interactive = nextInteractive();
        run(*engine, interactive != queue_.end() ? interactive : queue_.begin(), lock);
    }
}

}  // namespace vitrine
