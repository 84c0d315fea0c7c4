// What the job "compress" found so far: a row for each plan, errors of the layers, times. Equal runs give
// equal results; what differs from run to run stands in times.json.
#pragma once

#include "core/engine/compress_subject.h"

namespace vitrine {

class CompressResults {
  public:
    explicit CompressResults(RunContext& run) : run_(run) {}

    bool empty() const { return rows_.empty(); }
    bool has(const std::string& plan) const;
    // The row of `plan`, with what was measured and its difference to the first row, which is the dense
    // model's.
    void addRow(Json row, const SubjectScore& score);
    void addTimes(const std::string& plan, const Json& own, const SubjectScore& score);
    void addLayer(const std::string& plan, Json layer);
    void setSpeed(Json speed) { speed_ = std::move(speed); }
    bool hasSpeed() const { return !speed_.is_null(); }
    // The newest row becomes the best one if `loss` is less than that of all before; whether it did.
    bool takeIfBest(double loss, const std::vector<std::string>& scoreColumns);

    // What a resumed run goes on with.
    Json state() const;
    void restore(const Json& state);

    // compression.json, compression.csv, layers.csv and times.json, with these columns of scores.
    Result<void> write(const std::vector<std::string>& scoreColumns);

  private:
    RunContext& run_;
    double denseLoss_ = 0, bestLoss_ = 0;
    Json rows_ = Json::array(), layers_ = Json::array(), times_ = Json::array(), best_, speed_;
};

}  // namespace vitrine
