// Several seeds of one claim measured at the same time, each on a thread of its own that computes on one
// processor core. So small networks gain little from a second core, and what a seed measures does not depend
// on how many cores there are.
#pragma once

#include "core/claims/claim_experiments.h"

#include <condition_variable>
#include <future>
#include <list>
#include <mutex>

namespace vitrine {

struct MeasuredSeed {
    ClaimMeasurement measurement;
    double seconds = 0;  // on the clock
};

// Belongs to the job's thread.
class SeedsAtOnce {
  public:
    // Both must outlive it. Progress of all seeds together goes to the job's callback, from next().
    SeedsAtOnce(const ClaimExperiment& experiment, const JobContext& job);
    // Asks the seeds that are left to stop, and waits for them.
    ~SeedsAtOnce();

    // Begins to measure request.seed; request.job is not read.
    void start(ClaimRequest request);
    size_t count() const { return seeds_.size(); }
    // Waits for one of the started seeds to end. Its error where it failed; Cancelled once the job is to
    // stop.
    Result<MeasuredSeed> next();

  private:
    struct Seed {
        int64_t seed = 0;
        Progress progress;   // guarded by mutex_
        bool ended = false;  // guarded by mutex_
        std::future<Result<MeasuredSeed>> measured;
    };
    void report();

    const ClaimExperiment& experiment_;
    const JobContext& job_;
    const int threads_;  // of the job's thread, given back at the end
    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Seed> seeds_;
};

}  // namespace vitrine
