#include "core/warm_start/incremental_trainer.h"

#include "core/distill/random_stream.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

std::vector<LabelledPictures> chunks() {
    const auto all = shapeScenePictures(480, 16, 0, "training");
    const auto parts = balancedParts(all, 3, 0);
    EXPECT_TRUE(parts);
    std::vector<LabelledPictures> list;
    for (const at::Tensor& part : *parts)
        list.push_back(all.at(part));
    return list;
}

IncrementalOptions small() {
    IncrementalOptions options;
    options.network = {
        .kind = ClassifierKind::ResNet, .side = 16, .classes = 8, .width = 4, .blocksPerStage = 1};
    options.epochs = 2;
    options.batch = {16, 1, true};
    options.warmup = 2;
    options.seed = 4;
    return options;
}

std::unique_ptr<IncrementalTrainer> trainerOf(const IncrementalOptions& options) {
    auto trainer = IncrementalTrainer::create(options, chunks());
    EXPECT_TRUE(trainer) << (trainer ? "" : trainer.error().text());
    return trainer ? std::move(*trainer) : nullptr;
}

void trainToTheEndOfAChunk(IncrementalTrainer& trainer) {
    while (true) {
        const auto report = trainer.train();
        ASSERT_TRUE(report) << report.error().text();
        if (report->endsChunk)
            return;
    }
}

TEST(IncrementalTrainer, ChunksFollowEachOtherAndCostWhatTheySay) {
    IncrementalOptions options = small();
    const auto warm = trainerOf(options);
    options.start = ChunkStart::ColdAll;
    const auto all = trainerOf(options);
    EXPECT_NEAR(double(all->stepsOf(2)), 3 * double(warm->stepsOf(2)), 2);
    int64_t steps = 0, ends = 0;
    while (!warm->isDone()) {
        const auto report = warm->train();
        ASSERT_TRUE(report);
        ++steps;
        ends += report->endsChunk;
        EXPECT_EQ(report->featureLoss > 0, report->chunk > 0);
    }
    EXPECT_EQ(ends, 3);
    EXPECT_EQ(steps, warm->totalSteps());
    EXPECT_FALSE(warm->train());
}

// At the first step of a chunk teacher and student differ in their norms' statistics only; with both terms
// the network stays nearer to what it was than without.
TEST(IncrementalTrainer, TheTermsHoldTheFunction) {
    const auto set = shapeScenePictures(128, 16, 1, "test");
    const auto change = [&](FeatureTerm features, DistillationTerm distillation) {
        IncrementalOptions options = small();
        options.features = features;
        options.distillation = distillation;
        options.featureWeight = options.distillationWeight = 5;
        const auto trainer = trainerOf(options);
        trainToTheEndOfAChunk(*trainer);
        TensorList buffers = trainer->buffers();
        const auto before = trainer->network()
                                .forward(set.pictures, trainer->weights(), buffers, NormMode::Evaluate)
                                .logits.clone();
        trainToTheEndOfAChunk(*trainer);
        buffers = trainer->buffers();
        const auto after =
            trainer->network().forward(set.pictures, trainer->weights(), buffers, NormMode::Evaluate).logits;
        return (after.softmax(1) - before.softmax(1)).abs().mean().item<double>();
    };
    const double free = change(FeatureTerm::None, DistillationTerm::None);
    EXPECT_LT(change(FeatureTerm::None, DistillationTerm::Constant), free);
    EXPECT_LT(change(FeatureTerm::Both, DistillationTerm::Trust), free);
}

TEST(IncrementalTrainer, GoesOnBitByBit) {
    const testing::TemporaryFolder folder;
    IncrementalOptions options = small();
    options.features = FeatureTerm::Both;
    const auto first = trainerOf(options);
    const int64_t perChunk = first->stepsOf(0);
    for (const int64_t at : {int64_t(3), perChunk, perChunk + 5}) {
        const auto whole = trainerOf(options);
        while (whole->step() < at)
            ASSERT_TRUE(whole->train());
        ASSERT_TRUE(whole->save(folder / "checkpoint.safetensors"));
        const auto other = trainerOf(options);
        const auto restored = other->restore(folder / "checkpoint.safetensors");
        ASSERT_TRUE(restored) << restored.error().text();
        for (int step = 0; step < 10; ++step) {
            const auto a = whole->train(), b = other->train();
            ASSERT_TRUE(a && b);
            EXPECT_EQ(a->loss, b->loss) << "after " << at;
        }
    }
    options.temperature = 3;
    EXPECT_FALSE(trainerOf(options)->restore(folder / "checkpoint.safetensors"));
}

// A compressed network stays compressed while it learns new data.
TEST(IncrementalTrainer, MaskedWeightsStayZero) {
    const IncrementalOptions options = small();
    const auto network = ClassifierNetwork::create(options.network);
    ASSERT_TRUE(network);
    IncrementalBeginning beginning{
        network->freshWeights(randomStream(1, 0, "weights")), network->freshBuffers(), {}};
    for (const ClassifierParameter& parameter : network->parameters())
        beginning.masks.push_back(parameter.prunable ? at::rand(parameter.shape).lt(0.3) : at::Tensor());
    auto trainer = IncrementalTrainer::create(options, chunks(), beginning);
    ASSERT_TRUE(trainer) << trainer.error().text();
    while (!(*trainer)->isDone())
        ASSERT_TRUE((*trainer)->train());
    for (size_t index = 0; index < beginning.masks.size(); ++index)
        if (beginning.masks[index].defined()) {
            const at::Tensor zero = (*trainer)->weights()[index].eq(0);
            EXPECT_TRUE(at::equal(zero, beginning.masks[index].logical_not()));
        }
}

TEST(IncrementalTrainer, SaysWhatDoesNotFit) {
    IncrementalOptions options = small();
    EXPECT_FALSE(IncrementalTrainer::create(options, {}));
    options.network.side = 32;
    EXPECT_NE(IncrementalTrainer::create(options, chunks()).error().text().find("32 pixels"),
              std::string::npos);
    options = small();
    options.temperature = 0;
    EXPECT_FALSE(IncrementalTrainer::create(options, chunks()));
    EXPECT_NE(chunkStartFromName("warmish").error().text().find("warmish"), std::string::npos);
}

}  // namespace
}  // namespace vitrine
