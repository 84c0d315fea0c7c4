#include "core/warm_start/weight_spread.h"

#include "core/warm_start/incremental_trainer.h"

#include <gtest/gtest.h>

#include <numeric>

namespace vitrine {
namespace {

TEST(WeightSpread, CountsPicturesByWhetherTheOldNetworkIsRight) {
    WeightSpread spread;
    spread.add(at::tensor(std::vector<double>{0.05, 1.25, 99}),
               at::tensor(std::vector<int>{0, 1, 1}).to(at::kBool));
    spread.add(at::tensor(std::vector<double>{0.0}), at::tensor(std::vector<int>{0}).to(at::kBool));
    EXPECT_EQ(spread.count(), 4);
    const Json json = spread.json();
    EXPECT_EQ(json["wrong"][0], 2);
    EXPECT_EQ(json["right"][12], 1);
    EXPECT_EQ(json["right"].back(), 1);  // all that is larger
    EXPECT_EQ(WeightSpread::fromJson(json).json(), json);
    EXPECT_EQ(WeightSpread::fromJson(Json()).count(), 0);
    EXPECT_EQ(WeightSpread::fromJson({{"right", {1, 2}}}).count(), 0);  // of other bins
}

TEST(WeightSpread, TakesTheWeightsThatAChunkIsDistilledWith) {
    const auto all = shapeScenePictures(160, 16, 0, "training");
    const auto parts = balancedParts(all, 2, 0);
    ASSERT_TRUE(parts);
    IncrementalOptions options;
    options.network = {
        .kind = ClassifierKind::ResNet, .side = 16, .classes = 8, .width = 4, .blocksPerStage = 1};
    options.epochs = 1;
    options.batch = {16, 1, true};
    options.warmup = 2;
    int64_t oneSided = 0;  // batches in which the teacher is right, or wrong, everywhere
    const auto told = [&](DistillationTerm term, int64_t size = 16) {
        options.distillation = term;
        options.batch.size = size;
        const auto trainer = IncrementalTrainer::create(options, {all.at((*parts)[0]), all.at((*parts)[1])});
        EXPECT_TRUE(trainer);
        WeightSpread spread;
        double mean = 0;
        int64_t steps = 0;
        while (!(*trainer)->isDone()) {
            const auto report = (*trainer)->train();
            EXPECT_TRUE(report);
            if (!report->pictureWeights.defined()) {
                EXPECT_FALSE(report->meanWeightRight || report->meanWeightWrong);
                continue;
            }
            // The means stand for the pictures that there are: none is no weight of 0.
            const int64_t right = report->teacherRight.sum().item<int64_t>();
            EXPECT_EQ(report->meanWeightRight.has_value(), right > 0);
            EXPECT_EQ(report->meanWeightWrong.has_value(), right < size);
            EXPECT_NEAR(double(right) * report->meanWeightRight.value_or(0) +
                            double(size - right) * report->meanWeightWrong.value_or(0),
                        report->pictureWeights.sum().item<double>(), 1e-4);
            oneSided += right == 0 || right == size;
            EXPECT_EQ(report->chunk, 1);
            spread.add(report->pictureWeights, report->teacherRight);
            mean += report->pictureWeights.mean().item<double>();
            ++steps;
        }
        EXPECT_EQ(spread.count(), size * steps);
        return steps > 0 ? mean / double(steps) : -1;
    };
    EXPECT_NEAR(told(DistillationTerm::Trust), 1, 1e-5);  // relative to the batch's mean
    EXPECT_EQ(told(DistillationTerm::None), -1);
    oneSided = 0;
    EXPECT_NEAR(told(DistillationTerm::Trust, 1), 1, 1e-5);
    EXPECT_EQ(oneSided, all.at((*parts)[1]).count());  // every picture of the second chunk
}

}  // namespace
}  // namespace vitrine
