#include "core/base/thread_pool.h"

namespace vitrine {

ThreadPool::ThreadPool(size_t threadCount) {
    for (size_t i = 0; i < std::max<size_t>(1, threadCount); ++i)
        threads_.emplace_back([this](std::stop_token stopToken) { loop(stopToken); });
}

ThreadPool::~ThreadPool() {
    clear();
    for (std::jthread& thread : threads_)
        thread.request_stop();
}

void ThreadPool::submit(std::function<void()> work, int64_t priority) {
    {
        std::lock_guard lock(mutex_);
        queue_.push({priority, nextSequence_++, std::move(work)});
    }
    changed_.notify_one();
}

void ThreadPool::clear() {
    std::lock_guard lock(mutex_);
    queue_ = {};
    if (running_ == 0)
        idle_.notify_all();
}

void ThreadPool::waitUntilIdle() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return queue_.empty() && running_ == 0; });
}

void ThreadPool::loop(std::stop_token stopToken) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stopToken, [this] { return !queue_.empty(); })) {
        std::function<void()> work = queue_.top().work;
        queue_.pop();
        ++running_;
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
        --running_;
        if (queue_.empty() && running_ == 0)
            idle_.notify_all();
    }
}

}  // namespace vitrine
