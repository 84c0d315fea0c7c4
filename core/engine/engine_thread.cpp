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
        runningStop_.request_stop();
    }
    thread_.request_stop();
}

void EngineThread::submit(const std::string& lane, Work work) {
    {
        std::lock_guard lock(mutex_);
        if (!lane.empty()) {
            std::erase_if(queue_, [&](const Item& item) { return item.lane == lane; });
            if (running_ && runningLane_ == lane)
                runningStop_.request_stop();
        }
        queue_.push_back({lane, std::move(work)});
    }
    changed_.notify_one();
}

void EngineThread::cancel(const std::string& lane) {
    std::lock_guard lock(mutex_);
    std::erase_if(queue_, [&](const Item& item) { return item.lane == lane; });
    if (running_ && runningLane_ == lane)
        runningStop_.request_stop();
}

bool EngineThread::idle() const {
    std::lock_guard lock(mutex_);
    return queue_.empty() && !running_;
}

void EngineThread::loop(ReadyCallback onReady, std::stop_token stopToken) {
    const auto loaded = loadEngine();
    std::unique_ptr<InspectEngine> engine;
    if (loaded)
        engine = (*loaded)->createInspectEngine();
    onReady(loaded ? Result<void>{} : Result<void>(fail(loaded.error())));
    if (!engine)
        return;

    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stopToken, [this] { return !queue_.empty(); })) {
        Item item = std::move(queue_.front());
        queue_.pop_front();
        running_ = true;
        runningLane_ = item.lane;
        runningStop_ = std::stop_source();
        JobContext job(runningStop_.get_token(), [this, lane = item.lane](const Progress& progress) {
            if (onProgress_)
                onProgress_(lane, progress);
        });
        lock.unlock();
        try {
            item.work(*engine, job);
        } catch (...) {
            // Engine calls turn foreign exceptions into errors themselves; what arrives here comes from the
            // caller's code.
            log::error("{}", errorFromCurrentException("engine thread").text());
        }
        item.work = nullptr;
        lock.lock();
        running_ = false;
    }
}

}  // namespace vitrine
