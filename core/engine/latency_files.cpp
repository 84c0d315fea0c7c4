#include "core/engine/latency_files.h"

#include "core/base/file.h"
#include "core/sparse_training/latency_measurement.h"

#include <ATen/Parallel.h>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kTableFile = "latency_table.json";
// Times are no results: two runs of one recipe differ in them.
constexpr const char* kKind = "log";

Result<LatencyTable> readTable(const fs::path& file) {
    VITRINE_TRY(const Json json, readJsonFile(file));
    return LatencyTable::fromJson(json, file.string());
}

LatencyMeasurement measurementOf(const RunContext& run) {
    LatencyMeasurement measurement;
    measurement.batch = run.settings()["latency_batch"];
    return measurement;
}

Json timesJson(double denseMs, double ms) {
    return {{"dense_ms", denseMs}, {"ms", ms}, {"part", ms / denseMs}};
}

}  // namespace

Result<LatencyTable> latencyTableFor(RunContext& run, const SparseTrainingOptions& options) {
    VITRINE_TRY(const fs::path folder, run.checkpointFolder());
    const fs::path kept = folder / kTableFile;
    if (std::error_code ignored; fs::exists(kept, ignored))
        return readTable(kept);
    LatencyTable table;
    const std::string given = run.settings()["latency_table"];
    if (given.empty()) {
        VITRINE_TRY(const ClassifierNetwork network, ClassifierNetwork::create(options.network));
        VITRINE_TRY(table,
                    measureLatencyTable(network, options.latency->group, measurementOf(run), run.job()));
        run.log(fmt::format("measured the times of {} layers for {} pictures on {} threads",
                            table.layers.size(), table.batch, table.threads));
    } else {
        VITRINE_TRY(table, readTable(given));
    }
    VITRINE_TRY_VOID(run.usedInput("latency table", table.fingerprint(), given.empty() ? "measured" : given));
    const std::string text = table.json().dump(2) + "\n";
    VITRINE_TRY_VOID(writeFileAtomically(kept, text));
    VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                run.putArtifact(kTableFile, text, {.kind = kKind, .mediaType = "application/json"}));
    return table;
}

Result<void> keepLatency(RunContext& run, const SparseTrainer& trainer) {
    const LatencyBudget& budget = *trainer.latency();
    const LatencyMeasurement measurement = measurementOf(run);
    ClassifierTensors cut;
    cut.weights = trainer.cutWeights(cut.buffers);
    VITRINE_TRY(const std::vector<double> ms,
                measureForwardMs(trainer.network(), {{trainer.values(), trainer.buffers()}, std::move(cut)},
                                 measurement, run.job()));
    const Json predicted =
        timesJson(budget.denseMs(), budget.predictedMs(trainer.structure().activeCounts()));
    const Json measured = timesJson(ms[0], ms[1]);
    run.metric("time/latency, dense (ms)", trainer.step(), ms[0]);
    run.metric("time/latency (ms)", trainer.step(), ms[1]);
    run.log(
        fmt::format("the cut network takes {:.1f} % of the dense one's time ({:.3f} of {:.3f} ms for {} "
                    "pictures on {} threads), {:.1f} % were predicted",
                    100 * measured["part"].get<double>(), ms[1], ms[0], measurement.batch,
                    at::get_num_threads(), 100 * predicted["part"].get<double>()));
    const Json times{{"batch", measurement.batch}, {"threads", at::get_num_threads()},
                     {"group", budget.group()},    {"wanted_part", budget.part()},
                     {"predicted", predicted},     {"measured", measured}};
    VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                run.putArtifact("latency.json", times.dump(2) + "\n",
                                {.kind = kKind, .mediaType = "application/json"}));
    return {};
}

}  // namespace vitrine
