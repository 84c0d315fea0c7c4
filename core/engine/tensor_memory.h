// How much memory the tensors of a piece of work take at most.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <memory>

namespace vitrine {

// Counts what LibTorch's allocators give to this thread while it lives, on every device. What was allocated
// before is not counted, also when it is freed meanwhile and the sum falls below zero.
class TensorMemory {
  public:
    TensorMemory()
        : counter_(std::make_shared<Counter>()), guard_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}
    // Most bytes that were held at once so far.
    int64_t peakBytes() const { return counter_->peak; }

  private:
    struct Counter : c10::MemoryReportingInfoBase {
        int64_t now = 0, peak = 0;
        void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
            now += bytes;
            peak = std::max(peak, now);
        }
        bool memoryProfilingEnabled() const override { return true; }
    };
    std::shared_ptr<Counter> counter_;
    c10::DebugInfoGuard guard_;
};

}  // namespace vitrine
