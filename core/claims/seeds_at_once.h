// Several seeds of one claim measured at the same time, each on a thread of its own that computes on one
// processor core. So small networks gain little from a second core, and what a seed measures does not depend
// on how many cores there are.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/seed_slots.h"

#include <future>
#include <list>
#include <mutex>
#include <optional>

namespace vitrine {

// Adds what is measured beside `all`: the slowest decides when both are done. Stages are left to the caller.
void addProgress(Progress& all, const Progress& beside);

struct MeasuredSeed {
    ClaimMeasurement measurement;
    double seconds = 0;  // on the clock
};

// Belongs to the job's thread.
class SeedsAtOnce {
  public:
    // All must outlive it. Progress of all seeds together goes to the job's callback, from next().
    SeedsAtOnce(const ClaimExperiment& experiment, SeedSlots& slots, const JobContext& job)
        : experiment_(experiment), slots_(slots), job_(job) {}
    // Asks the seeds that are left to stop, and waits for them.
    ~SeedsAtOnce();

    // Begins to measure request.seed; request.job is not read. False if no place is free.
    bool start(ClaimRequest request);
    size_t count() const { return seeds_.size(); }
    // One of the started seeds that has ended, its error where it failed; none if nothing ended within a
    // moment. Asks the seeds to stop once the job is to.
    Result<std::optional<MeasuredSeed>> next();

  private:
    struct Seed {
        int64_t seed = 0;
        Progress progress;   // guarded by mutex_
        bool ended = false;  // guarded by mutex_
        std::future<Result<MeasuredSeed>> measured;
    };
    void report();
    std::future<Result<MeasuredSeed>> takeEnded();

    const ClaimExperiment& experiment_;
    SeedSlots& slots_;
    const JobContext& job_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::list<Seed> seeds_;
};

}  // namespace vitrine
