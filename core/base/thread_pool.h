// A fixed set of threads that runs queued work in priority order: reading files, decoding pictures, making
// thumbnails. Numerical work uses LibTorch's own threads instead.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

namespace vitrine {

class ThreadPool {
  public:
    explicit ThreadPool(size_t threadCount);
    // Drops what has not started and waits for what has.
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    // Queues `work`; a higher priority runs first, equal priorities in order of arrival. `work` must not
    // throw.
    void submit(std::function<void()> work, int64_t priority = 0);
    // Removes everything that has not started.
    void clear();
    // Blocks until the queue is empty and every thread is idle.
    void waitUntilIdle();

  private:
    struct Item {
        int64_t priority;
        uint64_t sequence;
        std::function<void()> work;
        bool operator<(const Item& other) const {
            return priority != other.priority ? priority < other.priority : sequence > other.sequence;
        }
    };
    void loop(std::stop_token stopToken);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::condition_variable idle_;
    std::priority_queue<Item> queue_;
    uint64_t nextSequence_ = 0;
    size_t running_ = 0;
    std::vector<std::jthread> threads_;  // last: joined before the rest is destroyed
};

}  // namespace vitrine
