#include "core/claims/seeds_at_once.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

namespace vitrine {
namespace {

constexpr auto kReportInterval = std::chrono::milliseconds(200);

}  // namespace

SeedsAtOnce::SeedsAtOnce(const ClaimExperiment& experiment, const JobContext& job)
    : experiment_(experiment), job_(job), threads_(at::get_num_threads()) {}

SeedsAtOnce::~SeedsAtOnce() {
    stop_.request_stop();
    seeds_.clear();  // the destructors of their futures wait
    // LibTorch hands the last number that any thread chose to the threads that come later.
    at::set_num_threads(threads_);
}

void SeedsAtOnce::start(ClaimRequest request) {
    Seed& seed = seeds_.emplace_back();
    seed.seed = request.seed;
    seed.progress.stage = "beginning";
    seed.measured = std::async(std::launch::async, [this, &seed, request]() mutable -> Result<MeasuredSeed> {
        // Also where the experiment throws: whoever waits must learn of the end.
        struct End {
            SeedsAtOnce& all;
            Seed& seed;
            ~End() {
                const std::lock_guard lock(all.mutex_);
                seed.ended = true;
                all.changed_.notify_all();
            }
        } end{*this, seed};
        at::set_num_threads(1);
        JobContext job(stop_.get_token(), [this, &seed](const Progress& progress) {
            const std::lock_guard lock(mutex_);
            seed.progress = progress;
        });
        request.job = &job;
        const auto start = std::chrono::steady_clock::now();
        VITRINE_TRY(ClaimMeasurement measurement, experiment_.measure(request));
        measurement.seed = request.seed;
        return MeasuredSeed{std::move(measurement),
                            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
    });
}

// The slowest decides when all are done; steps are those of the stages that the seeds are in.
void SeedsAtOnce::report() {
    Progress all;
    std::string numbers;
    std::vector<std::string> stages;
    for (const Seed& seed : seeds_) {
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", seed.seed);
        if (std::find(stages.begin(), stages.end(), seed.progress.stage) == stages.end())
            stages.push_back(seed.progress.stage);
        all.done += seed.progress.done;
        all.total += seed.progress.total;
        all.elapsedSeconds = std::max(all.elapsedSeconds, seed.progress.elapsedSeconds);
        if (seed.progress.remainingSeconds)
            all.remainingSeconds =
                std::max(all.remainingSeconds.value_or(0), *seed.progress.remainingSeconds);
    }
    all.stage = fmt::format("seed{} {}: {}", seeds_.size() > 1 ? "s" : "", numbers, fmt::join(stages, "; "));
    if (job_.progressCallback())
        job_.progressCallback()(all);
}

Result<MeasuredSeed> SeedsAtOnce::next() {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (job_.stopRequested())
            stop_.request_stop();
        const auto ended =
            std::find_if(seeds_.begin(), seeds_.end(), [](const Seed& seed) { return seed.ended; });
        if (ended != seeds_.end()) {
            std::future<Result<MeasuredSeed>> measured = std::move(ended->measured);
            lock.unlock();  // its thread may be on the way out of the lock
            measured.wait();
            seeds_.erase(ended);
            return measured.get();
        }
        report();
        changed_.wait_for(lock, kReportInterval);
    }
}

}  // namespace vitrine
