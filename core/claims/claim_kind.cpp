#include "core/claims/claim_kind.h"

#include "core/base/freed_memory.h"
#include "core/claims/claim_experiments.h"
#include "core/claims/seeds_at_once.h"
#include "core/runs/claim_store.h"
#include "core/runs/run_context.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

class ClaimJob {
  public:
    ClaimJob(RunContext& run, ClaimTurn& turn) : run_(run), turn_(turn) {}

    Result<void> execute() {
        VITRINE_TRY(const ClaimInfo info, findClaim(run_.settings()["claim"]));
        const ClaimExperiment* experiment = claimExperiment(info.name);
        if (!experiment)
            return fail(ErrorCode::Unsupported,
                        fmt::format("this build has no experiment for \"{}\"", info.name));
        if (run_.savedState())
            for (const Json& done : run_.savedState()->at("measurements"))
                measurements_.push_back(ClaimMeasurement::fromJson(done));
        VITRINE_TRY_VOID(measureSeeds(*experiment, info));
        return keepVerdict(info, *experiment);
    }

  private:
    Result<void> measureSeeds(const ClaimExperiment& experiment, const ClaimInfo& info) {
        const int64_t asked = run_.settings()["seeds"], wanted = asked > 0 ? asked : info.seedCount;
        std::vector<int64_t> waiting;
        for (int64_t index = 0; index < wanted; ++index)
            if (const int64_t seed = int64_t(run_.seed()) + index; !measured(seed))
                waiting.push_back(seed);
        SeedsAtOnce seeds(experiment, turn_.slots(), run_.job());
        for (size_t begun = 0; begun < waiting.size() || seeds.count() > 0;) {
            VITRINE_TRY_VOID(run_.pausePoint());
            for (; begun < waiting.size() && seeds.start(requestFor(waiting[begun])); ++begun)
                run_.log(fmt::format("seed {} ({} of {})", waiting[begun],
                                     wanted - int64_t(waiting.size() - begun) + 1, wanted));
            if (begun == waiting.size())
                turn_.end();
            VITRINE_TRY(std::optional<MeasuredSeed> measured, seeds.next());
            if (measured)
                VITRINE_TRY_VOID(keep(std::move(*measured)));
        }
        return {};
    }

    bool measured(int64_t seed) const {
        return std::any_of(measurements_.begin(), measurements_.end(),
                           [&](const ClaimMeasurement& done) { return done.seed == seed; });
    }

    ClaimRequest requestFor(int64_t seed) const {
        ClaimRequest request;
        request.seed = seed;
        request.scale = run_.settings()["scale"];
        request.device = run_.recipe().value("device", "cpu");
        return request;
    }

    // One seed is the unit of resuming: its measurement is part of the saved state.
    Result<void> keep(MeasuredSeed measured) {
        const int64_t seed = measured.measurement.seed;
        for (const auto& [arm, metrics] : measured.measurement.arms)
            for (const auto& [metric, value] : metrics)
                run_.metric(arm + "/" + metric, seed, value);
        run_.metric("time/seconds per seed", seed, measured.seconds);
        measurements_.push_back(std::move(measured.measurement));
        std::sort(measurements_.begin(), measurements_.end(),
                  [](const auto& first, const auto& second) { return first.seed < second.seed; });
        Json state{{"measurements", Json::array()}};
        for (const ClaimMeasurement& done : measurements_)
            state["measurements"].push_back(done.toJson());
        return run_.saveState(state);
    }

    // For each check: what it measures on every seed alone. Empty where a single seed gives other checks.
    std::vector<std::vector<double>> bySeed(const ClaimExperiment& experiment,
                                            const std::vector<ClaimCheck>& checks) const {
        std::vector<std::vector<double>> values(checks.size());
        for (const ClaimMeasurement& measurement : measurements_) {
            const std::vector<ClaimCheck> alone = experiment.judge(ClaimTable({measurement}));
            if (alone.size() != checks.size())
                return std::vector<std::vector<double>>(checks.size());
            for (size_t index = 0; index < alone.size(); ++index)
                values[index].push_back(alone[index].measured);
        }
        return values;
    }

    Result<void> keepVerdict(const ClaimInfo& info, const ClaimExperiment& experiment) {
        const ClaimTable table(measurements_);
        const std::vector<ClaimCheck> checks = experiment.judge(table);
        Json verdict{{"claim", info.name},
                     {"holds", allHold(checks)},
                     {"scale", run_.settings()["scale"]},
                     {"checks", Json::array()},
                     {"measurements", Json::array()}};
        std::string report = fmt::format("{} ({})\n{}\nRule: {}\n\n{}\n", info.system, info.source,
                                         info.statement, info.rule, table.text());
        const std::vector<std::vector<double>> spread = bySeed(experiment, checks);
        for (size_t index = 0; index < checks.size(); ++index) {
            const ClaimCheck& check = checks[index];
            verdict["checks"].push_back(check.toJson());
            for (const double value : spread[index])
                verdict["checks"].back()["by_seed"].push_back(std::isfinite(value) ? Json(value) : Json());
            report +=
                fmt::format("{}  {}: {:.4g} (wanted {} {:.4g})\n", check.holds() ? "holds " : "FAILS ",
                            check.rule, check.measured, check.atLeast ? "at least" : "at most", check.limit);
        }
        for (const ClaimMeasurement& measurement : measurements_)
            verdict["measurements"].push_back(measurement.toJson());
        report += fmt::format("\nThe claim {} over {} seed{}.\n", allHold(checks) ? "holds" : "DOES NOT HOLD",
                              measurements_.size(), measurements_.size() == 1 ? "" : "s");
        struct File {
            const char *name, *mediaType;
            std::string content;
        };
        for (const File& file : {File{"claim.txt", "text/plain", report},
                                 File{"claim.json", "application/json", verdict.dump(2) + "\n"},
                                 File{"claim.csv", "text/csv", table.csv()}}) {
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile stored,
                run_.putArtifact(file.name, file.content, {.kind = "report", .mediaType = file.mediaType}));
        }
        return ClaimStore(run_.project()).add(info.name, run_.run(), info.rule, verdict, allHold(checks));
    }

    RunContext& run_;
    ClaimTurn& turn_;
    std::vector<ClaimMeasurement> measurements_;
};

}  // namespace

int64_t seedPlaces(int64_t asked, const std::string& device) {
    if (asked > 0)
        return asked;
    return device == "cpu" ? at::get_num_threads() : 1;
}

JobKind claimKind(std::shared_ptr<ClaimTurn> turn) {
    JobKind kind;
    kind.name = "claim";
    kind.summary = "Measure the claim of a published system against its baselines over several seeds";
    kind.settingsSchema = Json::parse(R"({"type": "object", "required": ["claim"], "properties": {
      "claim": {"type": "string", "minLength": 1, "title": "Claim", "description": "a name of `vitrine claims list`"},
      "seeds": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0, "title": "Seeds", "description": "0: as many as the claim asks for"},
      "at_once": {"type": "integer", "minimum": 0, "maximum": 64, "default": 0, "title": "Seeds at once", "description": "each computes on one core; 0: as many as there are cores"},
      "scale": {"type": "number", "exclusiveMinimum": 0, "maximum": 10, "default": 1, "title": "Share of the training steps", "description": "the pass rule is made for 1"}}})");
    kind.run = [turn = std::move(turn)](RunContext& run) -> Result<void> {
        keepFreedMemory();
        if (turn)
            return ClaimJob(run, *turn).execute();
        SeedSlots slots(seedPlaces(run.settings()["at_once"], run.recipe().value("device", "cpu")));
        VITRINE_TRY(const std::shared_ptr<ClaimTurn> alone, slots.nextTurn(run.job()));
        return ClaimJob(run, *alone).execute();
    };
    return kind;
}

}  // namespace vitrine
