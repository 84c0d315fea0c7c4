#include "core/claims/seed_slots.h"

#include <ATen/Parallel.h>

namespace vitrine {
namespace {

constexpr auto kLongestWait = std::chrono::milliseconds(200);

}  // namespace

SeedSlots::SeedSlots(int64_t count) : threads_(at::get_num_threads()), free_(count) {}

SeedSlots::~SeedSlots() {
    at::set_num_threads(threads_);
}

Result<std::shared_ptr<ClaimTurn>> SeedSlots::nextTurn(const JobContext& job) {
    std::unique_lock lock(mutex_);
    while (turnTaken_ || free_ == 0) {
        VITRINE_TRY_VOID(job.checkStop());
        changed_.wait_for(lock, kLongestWait);
    }
    VITRINE_TRY_VOID(job.checkStop());
    turnTaken_ = true;
    return std::make_shared<ClaimTurn>(*this);
}

bool SeedSlots::take() {
    const std::lock_guard lock(mutex_);
    if (free_ == 0)
        return false;
    --free_;
    return true;
}

void SeedSlots::give() {
    const std::lock_guard lock(mutex_);
    ++free_;
    changed_.notify_all();
}

void SeedSlots::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLongestWait);
}

void ClaimTurn::end() {
    const std::lock_guard lock(slots_.mutex_);
    if (std::exchange(ended_, true))
        return;
    slots_.turnTaken_ = false;
    slots_.changed_.notify_all();
}

}  // namespace vitrine
