#include "core/claims/seeds_at_once.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

namespace vitrine {

void addProgress(Progress& all, const Progress& beside) {
    all.done += beside.done;
    all.total += beside.total;
    all.elapsedSeconds = std::max(all.elapsedSeconds, beside.elapsedSeconds);
    if (beside.remainingSeconds)
        all.remainingSeconds = std::max(all.remainingSeconds.value_or(0), *beside.remainingSeconds);
}

SeedsAtOnce::~SeedsAtOnce() {
    stop_.request_stop();
    seeds_.clear();  // the destructors of their futures wait
}

bool SeedsAtOnce::start(ClaimRequest request) {
    if (!slots_.take())
        return false;
    Seed& seed = seeds_.emplace_back();
    seed.seed = request.seed;
    seed.progress.stage = "beginning";
    seed.measured = std::async(std::launch::async, [this, &seed, request]() mutable -> Result<MeasuredSeed> {
        // Also where the experiment throws: whoever waits must learn of the end.
        struct End {
            SeedsAtOnce& all;
            Seed& seed;
            ~End() {
                {
                    const std::lock_guard lock(all.mutex_);
                    seed.ended = true;
                }
                all.slots_.give();
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
    return true;
}

// Steps are those of the stages that the seeds are in.
void SeedsAtOnce::report() {
    if (seeds_.empty())
        return;
    const std::lock_guard lock(mutex_);
    Progress all;
    std::string numbers;
    std::vector<std::string> stages;
    for (const Seed& seed : seeds_) {
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", seed.seed);
        if (std::find(stages.begin(), stages.end(), seed.progress.stage) == stages.end())
            stages.push_back(seed.progress.stage);
        addProgress(all, seed.progress);
    }
    all.stage = fmt::format("seed{} {}: {}", seeds_.size() > 1 ? "s" : "", numbers, fmt::join(stages, "; "));
    if (job_.progressCallback())
        job_.progressCallback()(all);
}

Result<std::optional<MeasuredSeed>> SeedsAtOnce::next() {
    if (job_.stopRequested())
        stop_.request_stop();
    std::future<Result<MeasuredSeed>> measured = takeEnded();
    if (!measured.valid()) {
        report();
        slots_.wait();
        measured = takeEnded();
    }
    if (!measured.valid())
        return std::nullopt;
    VITRINE_TRY(MeasuredSeed seed, measured.get());
    return seed;
}

// Not valid if no seed has ended.
std::future<Result<MeasuredSeed>> SeedsAtOnce::takeEnded() {
    const std::lock_guard lock(mutex_);
    const auto ended =
        std::find_if(seeds_.begin(), seeds_.end(), [](const Seed& seed) { return seed.ended; });
    if (ended == seeds_.end())
        return {};
    std::future<Result<MeasuredSeed>> measured = std::move(ended->measured);
    seeds_.erase(ended);
    return measured;
}

}  // namespace vitrine
