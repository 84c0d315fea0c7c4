// What sparse training tells of its structure's history.
#include "core/sparse_training/sparse_trainer.h"
#include "core/sparse_training/unit_history.h"
#include "tests/core/sparse_training/small_sparse_training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace vitrine {
namespace {

std::unique_ptr<SparseTrainer> trainerOf(const SparseTrainingOptions& options) {
    static const LabelledPictures pictures = shapeScenePictures(256, 16, 0, "training");
    auto trainer = SparseTrainer::create(options, pictures);
    EXPECT_TRUE(trainer) << (trainer ? "" : trainer.error().text());
    return trainer ? std::move(*trainer) : nullptr;
}

TEST(SparseHistory, TellsHowScoresLieBeforeAndAfterATrial) {
    SparseTrainingOptions options = testing::smallSparseTraining(SparseMethod::Iee);
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    int64_t units = 0, used = 0;
    for (const UnitLayer& layer : trainer->structure().layers())
        if (!layer.fixed) {
            units += layer.unitCount();
            used += layer.activeCount();
        }
    const auto sum = [](const std::vector<int64_t>& counts) {
        return std::accumulate(counts.begin(), counts.end(), int64_t(0));
    };
    bool first = true;
    while (trainer->step() < options.steps) {
        const auto report = trainer->train();
        ASSERT_TRUE(report) << report.error().text();
        if (!report->exchange)
            continue;
        ASSERT_TRUE(report->exchange->scores);
        const ScoreSpread& scores = *report->exchange->scores;
        EXPECT_EQ(sum(scores.inUse) + sum(scores.after), units);
        EXPECT_EQ(sum(scores.before), sum(scores.after));
        EXPECT_LT(sum(scores.inUse), used);  // some are on trial
        if (first) {
            // What was never in use went in at zero and came out larger.
            EXPECT_GT(scores.before.front(), (units - used) / 2);
            EXPECT_LT(scores.after.front(), scores.before.front());
        }
        first = false;
    }
    EXPECT_FALSE(first);
    options.saliency = Saliency::Taylor;
    const auto taylor = trainerOf(options);
    std::optional<ExchangeReport> exchange;
    while (!exchange)
        exchange = (*taylor->train()).exchange;
    EXPECT_TRUE(exchange->scores->before.empty());
    EXPECT_EQ(sum(exchange->scores->after), units - sum(exchange->scores->inUse));
}

TEST(SparseHistory, AHistoryFollowsTheSameUnitsThroughAllExchanges) {
    const SparseTrainingOptions options = testing::smallSparseTraining(SparseMethod::Set);
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    UnitHistory history = UnitHistory::begin(trainer->structure());
    size_t exchanges = 0;
    while (trainer->step() < options.steps) {
        const auto report = trainer->train();
        ASSERT_TRUE(report) << report.error().text();
        if (!report->exchange)
            continue;
        ++exchanges;
        history = UnitHistory::fromJson(history.json());  // as a resumed run reads it
        history.add(trainer->structure());
    }
    ASSERT_GT(exchanges, 1u);
    bool changed = false;
    for (const Json& watched : history.json()) {
        const auto& layers = trainer->structure().layers();
        const auto layer = std::find_if(layers.begin(), layers.end(),
                                        [&](const UnitLayer& each) { return watched["layer"] == each.name; });
        ASSERT_NE(layer, layers.end());
        EXPECT_EQ(int64_t(watched["units"].size()), std::min(UnitHistory::kWatched, layer->unitCount()));
        ASSERT_EQ(watched["in_use"].size(), exchanges + 1);
        const std::string last = watched["in_use"].back();
        for (size_t index = 0; index < last.size(); ++index)
            EXPECT_EQ(last[index] == '1', layer->active[watched["units"][index].get<int64_t>()].item<bool>());
        changed |= watched["in_use"].front() != watched["in_use"].back();
    }
    EXPECT_TRUE(changed);
}

}  // namespace
}  // namespace vitrine
