// Makes items ahead of who uses them, in order, on threads of its own: reading and preprocessing pictures
// while the model is busy with earlier ones.
#pragma once

#include "core/base/thread_pool.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace vitrine {

template <typename Item>
class Prefetcher {
  public:
    // `make(index)` runs on several threads at once; at most `ahead` items wait to be taken.
    Prefetcher(size_t count, size_t threadCount, size_t ahead, std::function<Item(size_t)> make)
        : ahead_(std::max<size_t>(1, ahead)), make_(std::move(make)), slots_(count), pool_(threadCount) {
        for (size_t index = 0; index < std::min(ahead_, count); ++index)
            submit(index);
    }
    size_t count() const { return slots_.size(); }
    // Items are taken in order, each once. Waits until it is made; throws what making it threw.
    Item take(size_t index) {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return slots_[index].item || slots_[index].thrown; });
        Slot slot = std::exchange(slots_[index], {});
        lock.unlock();
        if (index + ahead_ < slots_.size())
            submit(index + ahead_);
        if (slot.thrown)
            std::rethrow_exception(slot.thrown);
        return std::move(*slot.item);
    }

  private:
    struct Slot {
        std::optional<Item> item;
        std::exception_ptr thrown;
    };

    void submit(size_t index) {
        pool_.submit(
            [this, index] {
                Slot slot;
                try {
                    slot.item = make_(index);
                } catch (...) {  // out of memory: the end of the job, not of the process
                    slot.thrown = std::current_exception();
                }
                const std::lock_guard lock(mutex_);
                slots_[index] = std::move(slot);
                ready_.notify_all();
            },
            -int64_t(index));
    }

    size_t ahead_;
    std::function<Item(size_t)> make_;
    std::mutex mutex_;
    std::condition_variable ready_;
    std::vector<Slot> slots_;
    ThreadPool pool_;  // last: its threads end before what they use
};

}  // namespace vitrine
