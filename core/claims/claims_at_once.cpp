#include "core/claims/claims_at_once.h"

#include "core/claims/claim_kind.h"
#include "core/claims/seeds_at_once.h"
#include "core/runs/run_query.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <numeric>

namespace vitrine {
namespace {

// What several claims report, as one line.
class JoinedProgress {
  public:
    explicit JoinedProgress(const JobContext& job) : job_(job) {}

    void report(const std::string& claim, const Progress& progress) {
        const std::lock_guard lock(mutex_);
        running_[claim] = progress;
        Progress all;
        for (const auto& [name, one] : running_) {
            all.stage += fmt::format("{}{}: {}", all.stage.empty() ? "" : "; ", name, one.stage);
            addProgress(all, one);
        }
        if (job_.progressCallback())
            job_.progressCallback()(all);
    }
    void end(const std::string& claim) {
        const std::lock_guard lock(mutex_);
        running_.erase(claim);
    }

  private:
    const JobContext& job_;
    std::mutex mutex_;
    std::map<std::string, Progress> running_;
};

// A run of the same claim with the same settings that was stopped before its end.
Result<std::optional<Run>> stoppedRun(const Project& project, const Json& recipe) {
    RunListOptions options;
    options.filter = "kind = claim";
    VITRINE_TRY(const std::vector<RunRow> rows, listRuns(project, options));
    const RunStore store(project);
    for (const RunRow& row : rows) {
        if (row.run.status != RunStatus::Interrupted && row.run.status != RunStatus::Cancelled)
            continue;
        VITRINE_TRY(const Json stopped, store.recipe(row.run));
        if (stopped.value("settings", Json()) == recipe["settings"] &&
            stopped.value("device", "") == recipe["device"])
            return row.run;
    }
    return std::nullopt;
}

Result<RunOutcome> measureClaim(const std::filesystem::path& folder, const ClaimInfo& info,
                                const ClaimsRequest& request, std::shared_ptr<ClaimTurn> turn,
                                const RunnerOptions& options) {
    VITRINE_TRY(const Project project, Project::open(folder));
    JobKinds kinds;
    kinds.add(claimKind(std::move(turn)));
    const Json wanted = {{"kind", "claim"},
                         {"name", "claim " + info.name},
                         {"device", request.device},
                         {"settings",
                          {{"claim", info.name},
                           {"seeds", request.seeds},
                           {"at_once", request.atOnce},
                           {"scale", request.scale}}}};
    VITRINE_TRY(const Json recipe, completeRecipe(wanted, kinds, "claim"));
    VITRINE_TRY(const std::optional<Run> stopped, stoppedRun(project, recipe));
    return stopped ? resumeRun(project, stopped->id, kinds, options)
                   : runRecipe(project, recipe, kinds, options);
}

// The order in which claims begin, as places in `claims`. Where seeds run at once short ones come last, so
// that no core waits long for another.
std::vector<size_t> beginningOrder(const std::vector<ClaimInfo>& claims, int64_t seedsAtOnce) {
    std::vector<size_t> places(claims.size());
    std::iota(places.begin(), places.end(), 0);
    if (seedsAtOnce > 1)
        std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
            return claims[a].minutesPerSeed > claims[b].minutesPerSeed;
        });
    return places;
}

}  // namespace

std::vector<Result<RunOutcome>> measureClaims(const std::filesystem::path& project,
                                              const std::vector<ClaimInfo>& claims,
                                              const ClaimsRequest& request, const JobContext& job) {
    const int64_t seedsAtOnce = seedPlaces(request.atOnce, request.device);
    SeedSlots slots(seedsAtOnce);
    JoinedProgress progress(job);
    std::atomic<bool> enough = false;
    std::map<size_t, std::future<Result<RunOutcome>>> running;  // by place in `claims`
    for (const size_t place : beginningOrder(claims, seedsAtOnce)) {
        const ClaimInfo& info = claims[place];
        Result<std::shared_ptr<ClaimTurn>> turn = slots.nextTurn(job);
        if (!turn || enough)
            break;
        running[place] = std::async(std::launch::async, [&, turn = std::move(*turn)]() mutable {
            RunnerOptions options = runnerOptionsFor(job);
            options.onProgress = [&](const Progress& one) { progress.report(info.name, one); };
            const std::shared_ptr<ClaimTurn> ends = turn;  // with this thread, whatever fails before
            Result<RunOutcome> outcome = measureClaim(project, info, request, std::move(turn), options);
            if (!outcome || (outcome->error && outcome->error->code == ErrorCode::Cancelled))
                enough = true;
            progress.end(info.name);
            ends->end();
            return outcome;
        });
    }
    std::vector<Result<RunOutcome>> outcomes;
    for (size_t place = 0; place < claims.size(); ++place)
        outcomes.push_back(running.contains(place)
                               ? running[place].get()
                               : fail(ErrorCode::Cancelled, "not begun", claims[place].name));
    return outcomes;
}

}  // namespace vitrine
