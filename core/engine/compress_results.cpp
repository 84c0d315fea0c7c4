#include "core/engine/compress_results.h"

#include "core/engine/compressed_model.h"

#include <algorithm>

namespace vitrine {

bool CompressResults::has(const std::string& plan) const {
    return std::any_of(rows_.begin(), rows_.end(), [&](const Json& row) { return row["plan"] == plan; });
}

void CompressResults::addRow(Json row, const SubjectScore& score) {
    row.update(score.row);
    row["difference_to_dense"] = score.loss - (rows_.empty() ? score.loss : denseLoss_);
    if (rows_.empty())
        denseLoss_ = score.loss;
    const std::string plan = row["plan"];
    const auto step = int64_t(rows_.size());
    for (const auto& [name, value] : score.metrics)
        run_.metric(name + "/" + plan, step, value);
    run_.metric("bits per weight/" + plan, step, row["bits_per_weight"].get<double>());
    run_.log(fmt::format("{}: {} ({:+.4f} to dense), {:.3f} bits per weight", plan, score.text,
                         row["difference_to_dense"].get<double>(), row["bits_per_weight"].get<double>()));
    rows_.push_back(std::move(row));
}

void CompressResults::addTimes(const std::string& plan, const Json& own, const SubjectScore& score) {
    Json times{{"plan", plan}};
    if (!own.is_null())
        times.update(own);
    times["evaluation_seconds"] = score.seconds;
    times.update(score.times);
    if (times.contains("encoding_seconds"))
        run_.metric("time/encoding, ms a picture/" + plan, 0, 1e3 * times["encoding_seconds"].get<double>());
    times_.push_back(std::move(times));
}

void CompressResults::addLayer(const std::string& plan, Json layer) {
    layer.erase("seconds");  // results of equal runs are equal
    layer["plan"] = plan;
    layers_.push_back(std::move(layer));
}

bool CompressResults::takeIfBest(double loss, const std::vector<std::string>& scoreColumns) {
    if (!best_.is_null() && !(loss < bestLoss_))
        return false;
    bestLoss_ = loss;
    const Json& row = rows_.back();
    best_ = {{"plan", row["plan"]}};
    for (const std::string& column : scoreColumns)
        if (row.contains(column))
            best_[column] = row[column];
    return true;
}

Json CompressResults::state() const {
    return {{"rows", rows_},   {"layers", layers_},        {"best", best_},         {"speed", speed_},
            {"times", times_}, {"dense_loss", denseLoss_}, {"best_loss", bestLoss_}};
}

void CompressResults::restore(const Json& state) {
    rows_ = state["rows"];
    layers_ = state["layers"];
    best_ = state["best"];
    speed_ = state["speed"];
    times_ = state["times"];
    denseLoss_ = state.value("dense_loss", 0.);
    bestLoss_ = state.value("best_loss", 0.);
}

Result<void> CompressResults::write(const std::vector<std::string>& scoreColumns) {
    const Json all{{"plans", rows_}, {"layers", layers_}, {"best", best_}};
    VITRINE_TRY(
        [[maybe_unused]] const auto times,
        run_.putArtifact("times.json", Json{{"plans", times_}, {"speed_of_2:4", speed_}}.dump(2) + "\n",
                         {.kind = "log", .mediaType = "application/json"}));
    VITRINE_TRY([[maybe_unused]] const auto json,
                run_.putArtifact("compression.json", all.dump(2) + "\n",
                                 {.kind = "report", .mediaType = "application/json"}));
    std::vector<std::string> columns{"plan"};
    columns.insert(columns.end(), scoreColumns.begin(), scoreColumns.end());
    columns.insert(columns.end(), {"bits_per_weight", "parameters", "kept_parameters", "operations",
                                   "kept_operations", "relative_error", "key"});
    VITRINE_TRY([[maybe_unused]] const auto plans,
                run_.putArtifact("compression.csv", jsonRowsCsv(rows_, columns),
                                 {.kind = "table", .mediaType = "text/csv"}));
    VITRINE_TRY([[maybe_unused]] const auto layers,
                run_.putArtifact("layers.csv",
                                 jsonRowsCsv(layers_, {"plan", "name", "block", "kept", "relative_error",
                                                       "uncompensated_error", "predicted_error",
                                                       "bits_per_weight", "dead_inputs", "damping"}),
                                 {.kind = "table", .mediaType = "text/csv"}));
    return {};
}

}  // namespace vitrine
