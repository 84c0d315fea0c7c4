#include "app/desktop/compress/compress_layers.h"

#include "app/desktop/runs/report_values.h"

#include <algorithm>

namespace vitrine {
namespace {

// The number behind "rank" in what was done: "sparsegpt 2:4 + eora rank 16".
int64_t rankIn(const QString& method) {
    const QStringList words = method.split(' ');
    const auto at = words.indexOf("rank");
    return at >= 0 && at + 1 < words.size() ? QString(words[at + 1]).remove(',').toLongLong() : 0;
}

LayerRanges rangesOf(const Json& ranges) {
    LayerRanges out;
    if (!ranges.is_object())
        return out;
    out.group = numberOf(ranges, "group");
    out.widest = numberOf(ranges, "widest");
    out.medianGroup = numberOf(ranges, "median_group");
    out.loudest = numberOf(ranges, "loudest_input");
    out.medianInput = numberOf(ranges, "median_input");
    out.groups = numbersOf(ranges.value("groups", Json()));
    out.inputs = numbersOf(ranges.value("inputs", Json()));
    out.error = numbersOf(ranges.value("error", Json()));
    return out;
}

QStringList plansOf(const CompressedRun& run) {
    QStringList plans;
    for (const Json& layer : run.layers)
        if (const QString plan = QString::fromStdString(layer.value("plan", std::string()));
            !plans.contains(plan))
            plans.append(plan);
    return plans;
}

}  // namespace

LayerResults layerResults(const CompressedRun& run, const std::string& plan) {
    LayerResults results;
    results.plan = QString::fromStdString(plan);
    for (const Json& layer : run.layers) {
        if (layer.value("plan", std::string()) != plan)
            continue;
        LayerResult each;
        each.name = QString::fromStdString(layer.value("name", std::string()));
        if (layer.contains("shape") && layer["shape"].is_array() && layer["shape"].size() == 2) {
            each.rows = layer["shape"][0].get<double>();
            each.columns = layer["shape"][1].get<double>();
        }
        each.kept = numberOf(layer, "kept");
        each.error = numberOf(layer, "relative_error");
        each.withoutPath = numberOf(layer, "uncompensated_error");
        each.predicted = numberOf(layer, "predicted_error");
        each.bitsPerWeight = numberOf(layer, "bits_per_weight");
        each.deadInputs = numberOf(layer, "dead_inputs");
        each.damping = numberOf(layer, "damping");
        each.ranges = rangesOf(layer.value("ranges", Json()));
        results.layers.push_back(std::move(each));
    }
    if (const Json* row = run.row(plan))
        results.rank = rankIn(QString::fromStdString(row->value("method", std::string())));
    if (results.rank == 0)
        for (LayerResult& each : results.layers)
            each.predicted = LayerResult::kUnknown;
    if (run.speed.is_object()) {
        results.verdict = QString::fromStdString(run.speed.value("verdict", std::string()));
        const Json rows = run.speed.value("rows", Json::array());
        for (const Json& row : rows)
            results.speed.push_back({numberOf(row, "outputs"), numberOf(row, "inputs"),
                                     numberOf(row, "tokens"), numberOf(row, "dense_ms"),
                                     numberOf(row, "packed_ms")});
    }
    return results;
}

LayerDesk::LayerDesk(CompressController* controller, CompressInspector* inspector, LayersView* view,
                     QObject* parent)
    : QObject(parent), controller_(controller), inspector_(inspector), view_(view) {
    connect(controller_, &CompressController::shownChanged, this, &LayerDesk::refresh);
}

void LayerDesk::refresh() {
    const auto run = controller_->run();
    if (!run) {
        view_->setPlans({}, {});
        view_->setResults({});
        return;
    }
    const QStringList plans = plansOf(*run);
    if (!plans.contains(plan_)) {
        const QString best = QString::fromStdString(run->bestPlan);
        plan_ = plans.contains(best) ? best : plans.value(0);
    }
    view_->setPlans(plans, plan_);
    show(*run, plan_.toStdString());
}

Result<void> LayerDesk::choose(const QString& plan) {
    const auto run = controller_->run();
    const QStringList plans = run ? plansOf(*run) : QStringList();
    if (!plans.contains(plan))
        return fail(
            ErrorCode::NotFound, fmt::format("no layers of a plan \"{}\"", plan.toStdString()), "plan",
            plans.isEmpty() ? "Queue a sweep or open a run" : "One of: " + plans.join(", ").toStdString());
    plan_ = plan;
    refresh();
    return {};
}

void LayerDesk::show(const CompressedRun& run, const std::string& plan) {
    LayerResults results = layerResults(run, plan);
    const auto file = run.fileOf(plan, "spectra.safetensors");
    // What is shown already is not read again while a run goes on.
    if (file == spectraOf_ && view_->results().plan == results.plan)
        results.spectra = view_->results().spectra;
    view_->setResults(std::move(results));
    if (file == spectraOf_)
        return;
    spectraOf_ = file;
    if (file.empty()) {
        inspector_->cancel("spectra");
        return;
    }
    using Spectra = std::vector<LayerSpectrum>;
    inspector_->ask<Spectra>(
        "spectra", [file](CompressEngine& engine, JobContext&) { return engine.spectra(file); },
        [this](Result<Spectra> spectra) {
            if (!spectra) {
                emit failed(QString::fromStdString(spectra.error().text()));
                return;
            }
            LayerResults filled = view_->results();
            filled.spectra = std::move(*spectra);
            view_->setResults(std::move(filled));
        });
}

}  // namespace vitrine
