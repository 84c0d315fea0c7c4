// Places for the seeds of several claims that are measured at the same time. One claim after the other has
// its turn: it takes places until it has begun all of its seeds, and what is free then is the next claim's.
// So no core waits for the last seed of a claim.
#pragma once

#include "core/base/job_context.h"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace vitrine {

class ClaimTurn;

// May be used by several threads.
class SeedSlots {
  public:
    explicit SeedSlots(int64_t count);
    // Gives LibTorch back its number of threads: what one thread chooses is handed to those that come later.
    ~SeedSlots();

    // Waits until no other claim has its turn and a place is free. Cancelled once the job is to stop. The
    // turn must end before the slots.
    Result<std::shared_ptr<ClaimTurn>> nextTurn(const JobContext& job);

    // A place, if one is free.
    bool take();
    void give();
    // Until a place or the turn is given back, but 200 ms at most: whoever waits looks for stops in between.
    void wait();

  private:
    friend class ClaimTurn;
    const int threads_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int64_t free_;
    bool turnTaken_ = false;
};

class ClaimTurn {
  public:
    explicit ClaimTurn(SeedSlots& slots) : slots_(slots) {}
    ~ClaimTurn() { end(); }
    // The claim has begun all of its seeds; those that run keep their places.
    void end();
    SeedSlots& slots() { return slots_; }

  private:
    SeedSlots& slots_;
    bool ended_ = false;  // guarded by the slots' mutex
};

}  // namespace vitrine
