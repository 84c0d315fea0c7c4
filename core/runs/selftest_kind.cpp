// The job kind "selftest": pi from the share of random points that fall into the quarter circle.
#include "core/runs/job_kind.h"
#include "core/runs/run_context.h"

#include <cmath>
#include <numbers>
#include <thread>

namespace vitrine {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): a generator whose whole state is one number, so that a checkpoint
// holds it exactly.
uint64_t nextRandom(uint64_t& state) {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double nextUnit(uint64_t& state) {
    return double(nextRandom(state) >> 11) * 0x1p-53;
}

struct Tally {
    uint64_t random = 0;
    int64_t inside = 0;
    int64_t drawn = 0;
    int64_t step = 0;  // steps done

    double estimate() const { return 4.0 * double(inside) / double(drawn); }
    Json toJson() const { return {{"random", random}, {"inside", inside}, {"drawn", drawn}, {"step", step}}; }
};

Result<Tally> startTally(RunContext& context) {
    if (!context.savedState())
        return Tally{.random = context.seed()};
    const Json& saved = *context.savedState();
    Tally tally;
    tally.random = saved.value("random", uint64_t(0));
    tally.inside = saved.value("inside", int64_t(0));
    tally.drawn = saved.value("drawn", int64_t(0));
    tally.step = saved.value("step", int64_t(0));
    return tally;
}

Result<void> estimatePi(RunContext& context) {
    VITRINE_TRY(Tally tally, startTally(context));
    const int64_t steps = context.settings()["steps"];
    context.job().beginStage("drawing points", steps);
    context.job().advance(tally.step);
    while (tally.step < steps) {
        VITRINE_TRY_VOID(context.pausePoint());
        const int64_t samples = context.settings()["samples_per_step"];
        for (int64_t i = 0; i < samples; ++i) {
            const double x = nextUnit(tally.random);
            const double y = nextUnit(tally.random);
            tally.inside += x * x + y * y < 1;
        }
        tally.drawn += samples;
        ++tally.step;
        context.metric("pi", tally.step, tally.estimate());
        context.metric("error", tally.step, std::abs(tally.estimate() - std::numbers::pi));
        if (tally.step % context.settings()["checkpoint_every"].get<int64_t>() == 0)
            VITRINE_TRY_VOID(context.saveState(tally.toJson()));
        std::this_thread::sleep_for(
            std::chrono::duration<double, std::milli>(context.settings()["pause_ms"].get<double>()));
        context.job().advance();
    }
    const Json result{{"pi", tally.estimate()}, {"points", tally.drawn}};
    return context
        .putArtifact("estimate.json", result.dump(2) + "\n",
                     {.kind = "report",
                      .step = -1,
                      .mediaType = "application/json",
                      .provenance = {{"kind", "selftest"}, {"seed", context.seed()}}})
        .map([](const auto&) {});
}

}  // namespace

JobKind selftestKind() {
    const auto count = [](const char* title, int64_t fallback) {
        return Json{{"type", "integer"}, {"minimum", 1}, {"default", fallback}, {"title", title}};
    };
    JobKind kind;
    kind.name = "selftest";
    kind.summary = "Estimate pi from random points: a small job to try runs, pausing and resuming";
    kind.settingsSchema = {{"type", "object"},
                           {"properties",
                            {{"steps", count("Steps", 100)},
                             {"samples_per_step", count("Points drawn in a step", 10000)},
                             {"checkpoint_every", count("Steps between checkpoints", 10)},
                             {"pause_ms",
                              {{"type", "number"},
                               {"minimum", 0},
                               {"maximum", 10000},
                               {"default", 0},
                               {"unit", "ms"},
                               {"title", "Wait after each step"}}}}}};
    kind.run = estimatePi;
    return kind;
}

}  // namespace vitrine
