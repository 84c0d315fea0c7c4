#include "app/desktop/compress/training_questions.h"

#include "app/desktop/runs/report_values.h"
#include "core/runs/run_query.h"
#include "core/runs/series.h"

#include <algorithm>
#include <limits>
#include <map>

namespace vitrine {
namespace {

constexpr size_t kOthers = 7;  // as many as colours tell apart

// Of a run, by name; of several with that name the newest.
std::map<std::string, std::filesystem::path> filesOf(const Project& project,
                                                     const std::vector<Artifact>& artifacts) {
    std::map<std::string, std::filesystem::path> files;
    for (const Artifact& artifact : artifacts)
        files[artifact.name] = project.artifacts().pathOf(artifact.sha256);
    return files;
}

struct OtherRun {
    Run run;
    Json settings;
};

// The newest runs of the same kind whose settings agree in `keys`.
Result<std::vector<OtherRun>> comparableRuns(const Project& project, const Run& run, const Json& recipe,
                                             const std::vector<const char*>& keys) {
    const RunStore store(project);
    const Json own = recipe.value("settings", Json::object());
    std::vector<OtherRun> found;
    VITRINE_TRY(const auto rows, listRuns(project, {.filter = "kind = " + run.kind}));
    for (const RunRow& row : rows) {
        if (row.run.id == run.id || found.size() == kOthers)
            continue;
        VITRINE_TRY(const Json other, store.recipe(row.run));
        const Json settings = other.value("settings", Json::object());
        const bool same = std::all_of(keys.begin(), keys.end(), [&](const char* key) {
            return settings.value(key, Json()) == own.value(key, Json());
        });
        if (same)
            found.push_back({row.run, settings});
    }
    return found;
}

Result<ChartSeries> seriesOf(const Project& project, const Run& run, const char* metric,
                             const QString& name) {
    ChartSeries series;
    series.name = name;
    VITRINE_TRY(const auto points, readSeries(project, run, metric));
    for (const SeriesPoint& point : points) {
        series.x.append(double(point.step));
        series.y.append(point.value);
    }
    return series;
}

// Steps of `other` that the series has no value for.
void addGaps(ChartSeries& series, const QVector<double>& other) {
    if (series.x.isEmpty())
        return;
    std::map<double, double> values;
    for (const double step : other)
        values[step] = std::numeric_limits<double>::quiet_NaN();
    for (qsizetype index = 0; index < series.x.size(); ++index)
        values[series.x[index]] = series.y[index];
    series.x.clear();
    series.y.clear();
    for (const auto& [step, value] : values) {
        series.x.append(step);
        series.y.append(value);
    }
}

QString wayToGoOn(const Json& settings) {
    return QStringLiteral("%1, %2, %3")
        .arg(textOf(settings, "start"), textOf(settings, "features"), textOf(settings, "distillation"));
}

QString wayToExchange(const Json& settings, const Run& run) {
    const bool timed = textOf(settings, "budget") == QStringLiteral("latency");
    return (timed ? QObject::tr("%1, %2 % of the time, seed %3") : QObject::tr("%1, %2 %, seed %3"))
        .arg(textOf(settings, "method"))
        .arg(100 * numberOf(settings, timed ? "latency" : "density"), 0, 'g', 3)
        .arg(run.seed.value_or(0));
}

// Accuracy where it was measured, over the cost so far.
Result<SparseCurve> costCurve(const Project& project, const Run& run, const QString& name) {
    SparseCurve curve;
    curve.name = name;
    VITRINE_TRY(const auto measured, readSeries(project, run, "test/accuracy"));
    VITRINE_TRY(const auto costs, readSeries(project, run, "cost (dense runs)"));
    for (const SeriesPoint& point : measured) {
        const auto at =
            std::lower_bound(costs.begin(), costs.end(), point.step,
                             [](const SeriesPoint& cost, int64_t step) { return cost.step < step; });
        if (at == costs.end())
            continue;
        curve.cost.append(at->value);
        curve.accuracy.append(point.value);
    }
    return curve;
}

Failure doesNotFit(const char* what) {
    return fail(ErrorCode::InvalidFile, what, "sparse_training.json", "Run the recipe again");
}

// Row by row of one layer and exchange, in order.
void readExchanges(const Json& rows, SparseResults& results) {
    std::map<double, size_t> columns;  // by step
    for (const Json& row : rows)
        columns.emplace(numberOf(row, "step"), 0);
    for (auto& [step, column] : columns) {
        column = results.steps.size();
        results.steps.push_back(qint64(step));
    }
    std::map<QString, std::vector<UnitMoves>> moves;
    for (const Json& row : rows) {
        std::vector<UnitMoves>& list = moves[textOf(row, "layer")];
        list.resize(columns.size());
        list[columns[numberOf(row, "step")]] = {numberOf(row, "units"), numberOf(row, "active"),
                                                numberOf(row, "entered"), numberOf(row, "left"),
                                                numberOf(row, "reactivated")};
    }
    for (const SparseLayer& layer : results.layers)
        if (const auto found = moves.find(layer.name); found != moves.end() && !layer.fixed) {
            results.exchangedLayers.push_back(layer.name);
            std::vector<double>& parts = results.exchanged.emplace_back();
            for (const UnitMoves& one : found->second)
                parts.push_back(one.inUse > 0 ? one.entered / one.inUse
                                              : std::numeric_limits<double>::quiet_NaN());
            results.moves.push_back(found->second);
        }
}

}  // namespace

void showGaps(ChartSeries& right, ChartSeries& wrong) {
    addGaps(right, wrong.x);
    addGaps(wrong, right.x);
}

IncrementalChunk incrementalChunkOf(const Json& row) {
    IncrementalChunk chunk;
    chunk.accuracy = numberOf(row, "accuracy");
    chunk.forgotten = numberOf(row, "forgotten");
    chunk.heldOut = numbersOf(row.value("held_out", Json::array()));
    chunk.channelUse = numbersOf(row.value("channel_use", Json::array()));
    chunk.line = numbersOf(row.value("line", Json::array()));
    chunk.barrier = numberOf(row, "barrier");
    if (const Json weights = row.value("distillation_weights", Json()); weights.is_object()) {
        chunk.weightsRight = numbersOf(weights.value("right", Json::array()));
        chunk.weightsWrong = numbersOf(weights.value("wrong", Json::array()));
        chunk.weightWidth = numberOf(weights, "width");
    }
    const Json layers = row.value("layers", Json::array());
    for (const Json& layer : layers) {
        chunk.blocks.append(textOf(layer, "name").remove(QStringLiteral("transformer.")));
        chunk.similarity.push_back(numberOf(layer, "similarity"));
    }
    return chunk;
}

Result<IncrementalResults> incrementalResults(const Project& project, const Run& run, const Json& recipe) {
    const RunStore store(project);
    IncrementalResults results;
    results.run = QString::fromStdString(run.id);
    VITRINE_TRY(const auto artifacts, store.artifacts(run));
    const auto files = filesOf(project, artifacts);
    if (const auto whole = files.find("incremental.json"); whole != files.end()) {
        VITRINE_TRY(const Json report, readJsonFile(whole->second));
        const Json rows = report.value("chunks", Json::array());
        for (const Json& row : rows)
            results.chunks.push_back(incrementalChunkOf(row));
    } else {
        for (int chunk = 0; files.contains(fmt::format("chunks/chunk-{}.json", chunk)); ++chunk) {
            VITRINE_TRY(const Json row, readJsonFile(files.at(fmt::format("chunks/chunk-{}.json", chunk))));
            results.chunks.push_back(incrementalChunkOf(row));
        }
    }
    VITRINE_TRY(results.weightRight, seriesOf(project, run, "distillation weight/old network right",
                                              QObject::tr("where it is right")));
    VITRINE_TRY(results.weightWrong, seriesOf(project, run, "distillation weight/old network wrong",
                                              QObject::tr("where it is wrong")));
    showGaps(results.weightRight, results.weightWrong);
    VITRINE_TRY(
        const auto others,
        comparableRuns(project, run, recipe, {"pictures", "test", "scenes", "side", "chunks", "held_out"}));
    for (const OtherRun& other : others) {
        if (other.run.seed != run.seed)
            continue;
        VITRINE_TRY(const ChartSeries accuracy,
                    seriesOf(project, other.run, "test/accuracy", wayToGoOn(other.settings)));
        results.others.push_back({accuracy.name, accuracy.y});
    }
    return results;
}

SparseLatency sparseLatencyOf(const Json& times) {
    const Json predicted = times.value("predicted", Json::object()),
               measured = times.value("measured", Json::object());
    return {numberOf(times, "batch"),   numberOf(times, "wanted_part"), numberOf(predicted, "part"),
            numberOf(measured, "part"), numberOf(measured, "dense_ms"), numberOf(measured, "ms")};
}

Result<SparseResults> sparseOf(const Json& report) {
    SparseResults results;
    results.method = textOf(report, "method");
    results.accuracy = numberOf(report, "accuracy");
    const Json densities = report.value("densities", Json::array());
    for (const Json& layer : densities)
        results.layers.push_back({textOf(layer, "layer"), numberOf(layer, "units"), numberOf(layer, "in_use"),
                                  numberOf(layer, "wanted"), layer.value("fixed", false)});
    readExchanges(report.value("exchanges", Json::array()), results);
    const Json scores = report.value("scores", Json::array());
    for (const Json& trial : scores)
        results.trials.push_back({qint64(numberOf(trial, "step")), numberOf(trial, "low"),
                                  numberOf(trial, "high"), numbersOf(trial.value("in_use", Json::array())),
                                  numbersOf(trial.value("before", Json::array())),
                                  numbersOf(trial.value("after", Json::array()))});
    const Json watched = report.value("watched", Json::array());
    for (const Json& each : watched) {
        SparseUnits units;
        units.layer = textOf(each, "layer");
        for (const double unit : numbersOf(each.value("units", Json::array())))
            units.units.push_back(int(unit));
        const Json texts = each.value("in_use", Json::array());
        for (const Json& text : texts) {
            const auto digits = text.is_string() ? text.get<std::string>() : std::string();
            if (digits.size() != units.units.size())
                return doesNotFit("the units that were watched and what became of them are not as many");
            units.inUse.append(QString::fromStdString(digits));
        }
        results.units.push_back(std::move(units));
    }
    return results;
}

Result<SparseResults> sparseResults(const Project& project, const Run& run, const Json& recipe) {
    const RunStore store(project);
    SparseResults results;
    VITRINE_TRY(const auto artifacts, store.artifacts(run));
    const auto files = filesOf(project, artifacts);
    if (const auto found = files.find("sparse_training.json"); found != files.end()) {
        VITRINE_TRY(const Json report, readJsonFile(found->second));
        VITRINE_TRY(results, sparseOf(report));
    }
    if (const auto found = files.find("latency.json"); found != files.end()) {
        VITRINE_TRY(const Json times, readJsonFile(found->second));
        results.latency = sparseLatencyOf(times);
    }
    results.run = QString::fromStdString(run.id);
    const Json own = recipe.value("settings", Json::object());
    VITRINE_TRY(SparseCurve curve,
                costCurve(project, run, QObject::tr("this run: %1").arg(wayToExchange(own, run))));
    results.curves.push_back(std::move(curve));
    VITRINE_TRY(const auto others, comparableRuns(project, run, recipe,
                                                  {"pictures", "test", "scenes", "side", "network", "width",
                                                   "blocks_per_stage", "depth", "steps"}));
    for (const OtherRun& other : others) {
        VITRINE_TRY(SparseCurve each,
                    costCurve(project, other.run, wayToExchange(other.settings, other.run)));
        results.curves.push_back(std::move(each));
    }
    return results;
}

}  // namespace vitrine
