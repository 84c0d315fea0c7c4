#include "core/sparse_training/sparse_trainer.h"

#include "core/models/model.h"
#include "tests/core/sparse_training/small_sparse_training.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

const LabelledPictures& pictures() {
    static const LabelledPictures set = shapeScenePictures(512, 16, 0, "training");
    return set;
}

std::unique_ptr<SparseTrainer> trainerOf(const SparseTrainingOptions& options) {
    auto trainer = SparseTrainer::create(options, pictures());
    EXPECT_TRUE(trainer) << (trainer ? "" : trainer.error().text());
    return trainer ? std::move(*trainer) : nullptr;
}

std::vector<int64_t> activeCounts(const SparseTrainer& trainer) {
    std::vector<int64_t> counts;
    for (const UnitLayer& layer : trainer.structure().layers())
        counts.push_back(layer.activeCount());
    return counts;
}

struct EveryMethod : ::testing::TestWithParam<std::tuple<SparseMethod, UnitKind>> {};

TEST_P(EveryMethod, EndsWithItsDensityAndExchangesKeepCounts) {
    SparseTrainingOptions options = testing::smallSparseTraining(std::get<0>(GetParam()));
    options.units = std::get<1>(GetParam());
    options.density = options.units == UnitKind::Channels ? 0.5 : 0.2;
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    const bool exchanges = options.method == SparseMethod::Iee || options.method == SparseMethod::Rigl ||
                           options.method == SparseMethod::Set;
    const auto first = activeCounts(*trainer);
    int64_t seen = 0, moved = 0;
    while (trainer->step() < options.steps) {
        const auto report = trainer->train();
        ASSERT_TRUE(report) << report.error().text();
        if (!report->exchange)
            continue;
        ++seen;
        EXPECT_EQ(activeCounts(*trainer), first) << "after exchange " << seen;
        EXPECT_EQ(report->exchange->total(&LayerExchange::entered),
                  report->exchange->total(&LayerExchange::left));
        EXPECT_LE(report->exchange->total(&LayerExchange::reactivated),
                  report->exchange->total(&LayerExchange::entered));
        moved += report->exchange->total(&LayerExchange::entered);
    }
    EXPECT_EQ(seen > 0, exchanges);
    EXPECT_EQ(moved > 0, exchanges);
    for (const UnitLayer& layer : trainer->structure().layers())
        EXPECT_EQ(layer.activeCount(), options.method == SparseMethod::Dense
                                           ? layer.unitCount()
                                           : SparseStructure::allowed(layer.unitCount(), layer.density))
            << layer.name;
    const TensorList masks = trainer->structure().parameterMasks(), used = trainer->weightsInUse();
    for (size_t index = 0; index < masks.size(); ++index)
        if (masks[index].defined()) {
            EXPECT_EQ(used[index].masked_select(masks[index].logical_not()).count_nonzero().item<int64_t>(),
                      0);
        }
}

INSTANTIATE_TEST_SUITE_P(Weights, EveryMethod,
                         ::testing::Combine(::testing::Values(SparseMethod::Dense, SparseMethod::Static,
                                                              SparseMethod::Magnitude, SparseMethod::Gradual,
                                                              SparseMethod::Set, SparseMethod::Rigl,
                                                              SparseMethod::Iee),
                                            ::testing::Values(UnitKind::Weights)));
INSTANTIATE_TEST_SUITE_P(Channels, EveryMethod,
                         ::testing::Combine(::testing::Values(SparseMethod::Static, SparseMethod::Set,
                                                              SparseMethod::Iee),
                                            ::testing::Values(UnitKind::Channels)));

// While the others are tried, what is in use (norms, biases, running statistics too) keeps every bit; what
// is not in use keeps its bits in all other steps.
TEST(SparseTrainer, ExplorationMovesNothingButWhatIsOut) {
    const auto trainer = trainerOf(testing::smallSparseTraining(SparseMethod::Iee));
    ASSERT_TRUE(trainer);
    int explored = 0, exploited = 0;
    for (int step = 0; step < 40; ++step) {
        TensorList values, buffers = {};
        for (const at::Tensor& value : trainer->values())
            values.push_back(value.clone());
        for (const at::Tensor& buffer : trainer->buffers())
            buffers.push_back(buffer.clone());
        const TensorList masks = trainer->structure().parameterMasks();
        const auto report = trainer->train();
        ASSERT_TRUE(report);
        if (report->exchange)
            continue;
        const bool exploring = report->stage == "exploration";
        (exploring ? explored : exploited) += 1;
        double moved = 0;
        for (size_t index = 0; index < values.size(); ++index) {
            const at::Tensor still = !masks[index].defined()
                                         ? at::full_like(values[index], exploring, at::kBool)
                                     : exploring ? masks[index]
                                                 : masks[index].logical_not();
            const at::Tensor change = trainer->values()[index].ne(values[index]);
            // The step in which the stage ends may set what is out to other values, but none of it is in use.
            EXPECT_EQ(change.logical_and(still).sum().item<int64_t>(), 0)
                << report->stage << " " << trainer->network().parameters()[index].name;
            moved += change.sum().item<double>();
        }
        EXPECT_GT(moved, 0);
        for (size_t index = 0; index < buffers.size(); ++index)
            EXPECT_EQ(at::equal(trainer->buffers()[index], buffers[index]), exploring);
    }
    EXPECT_GT(explored, 5);
    EXPECT_GT(exploited, 5);
}

// A trial that was lost leaves nothing behind, unless it is asked to.
TEST(SparseTrainer, WhatDidNotEnterHasTheValueOfItsLastUse) {
    for (const ComingBack from :
         {ComingBack::Zero, ComingBack::BeforePruning, ComingBack::AfterExploration}) {
        SparseTrainingOptions options = testing::smallSparseTraining(SparseMethod::Iee);
        options.exploreFrom = from;
        const auto trainer = trainerOf(options);
        ASSERT_TRUE(trainer);
        TensorList lastUsed;
        int exchanges = 0;
        int64_t changed = 0;
        while (exchanges < 3) {
            if (!trainer->isExploring()) {
                lastUsed.clear();
                for (const at::Tensor& value : trainer->values())
                    lastUsed.push_back(value.clone());
            }
            const auto report = trainer->train();
            ASSERT_TRUE(report);
            if (!report->exchange)
                continue;
            ++exchanges;
            const TensorList masks = trainer->structure().parameterMasks();
            for (size_t index = 0; index < masks.size(); ++index)
                if (masks[index].defined())
                    changed += trainer->values()[index]
                                   .ne(lastUsed[index])
                                   .logical_and(masks[index].logical_not())
                                   .sum()
                                   .item<int64_t>();
        }
        EXPECT_EQ(changed > 0, from == ComingBack::AfterExploration);
    }
}

TEST(SparseTrainer, WithoutReactivationNothingNeverUsedEnters) {
    SparseTrainingOptions options = testing::smallSparseTraining(SparseMethod::Iee);
    options.reactivate = false;
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    while (trainer->step() < options.steps) {
        const auto report = trainer->train();
        ASSERT_TRUE(report);
        if (report->exchange) {
            EXPECT_EQ(report->exchange->total(&LayerExchange::entered), 0);
        }
    }
}

TEST(SparseTrainer, GoesOnBitByBitFromEveryStage) {
    const testing::TemporaryFolder folder;
    SparseTrainingOptions options = testing::smallSparseTraining(SparseMethod::Iee);
    options.saliency = Saliency::Taylor;
    for (const int64_t at : {1, 4, 7, 9, 13}) {
        const auto whole = trainerOf(options);
        ASSERT_TRUE(whole);
        while (whole->step() < at)
            ASSERT_TRUE(whole->train());
        const auto file = folder / "checkpoint.safetensors";
        ASSERT_TRUE(whole->save(file));
        const auto other = trainerOf(options);
        ASSERT_TRUE(other);
        const auto restored = other->restore(file);
        ASSERT_TRUE(restored) << restored.error().text();
        for (int step = 0; step < 12; ++step) {
            const auto a = whole->train(), b = other->train();
            ASSERT_TRUE(a && b);
            EXPECT_EQ(a->loss, b->loss) << "step " << a->step << " after " << at;
            EXPECT_EQ(a->stage, b->stage);
            EXPECT_EQ(a->cost, b->cost);
        }
    }
    SparseTrainingOptions changed = options;
    changed.density = 0.3;
    const auto third = trainerOf(changed);
    const auto refused = third->restore(folder / "checkpoint.safetensors");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("another network, method, data or seed"), std::string::npos);
}

// Cutting the channels that are out changes no logit, and the folder of the smaller network loads.
TEST(SparseTrainer, CutChannelsGiveTheSameFunction) {
    for (const ClassifierKind kind : {ClassifierKind::ResNet, ClassifierKind::Vit}) {
        SparseTrainingOptions options = testing::smallSparseTraining(SparseMethod::Iee);
        options.network.kind = kind;
        if (kind == ClassifierKind::Vit) {
            options.network.width = 24;
            options.network.heads = 3;
            options.network.depth = 2;
            options.network.mlpWidth = 40;
            options.optimizer.kind = SelectiveOptimizerOptions::Kind::AdamW;
            options.learningRate = 0.003;
        }
        options.units = UnitKind::Channels;
        options.density = 0.5;
        const auto trainer = trainerOf(options);
        ASSERT_TRUE(trainer);
        while (trainer->step() < 30)
            ASSERT_TRUE(trainer->train());
        TensorList buffers;
        const TensorList cut = trainer->cutWeights(buffers);
        int64_t before = 0, after = 0;
        for (size_t index = 0; index < cut.size(); ++index) {
            before += trainer->values()[index].numel();
            after += cut[index].numel();
        }
        EXPECT_LT(double(after), 0.9 * double(before));
        const testing::TemporaryFolder folder;
        ASSERT_TRUE(trainer->network().exportFolder(folder / "model", cut, buffers, "{}"));
        const auto model = loadModel(folder / "model", {});
        ASSERT_TRUE(model) << model.error().text();
        const at::Tensor pixels = pictures().pictures.narrow(0, 0, 32);
        const auto logits = (*model)->classifier()->classify(pixels);
        ASSERT_TRUE(logits) << logits.error().text();
        TensorList whole = trainer->buffers();
        const at::Tensor own =
            trainer->network().forward(pixels, trainer->weightsInUse(), whole, NormMode::Evaluate).logits;
        EXPECT_LT((*logits - own).abs().max().item<double>(), 1e-4 * own.abs().max().item<double>());
    }
}

TEST(SparseTrainer, SaysWhatDoesNotFit) {
    SparseTrainingOptions options = testing::smallSparseTraining(SparseMethod::Rigl);
    options.units = UnitKind::Channels;
    EXPECT_NE(SparseTrainer::create(options, pictures()).error().text().find("RigL"), std::string::npos);
    options = testing::smallSparseTraining(SparseMethod::Iee);
    options.network.classes = 5;
    EXPECT_NE(SparseTrainer::create(options, pictures()).error().text().find("5 classes"), std::string::npos);
    options = testing::smallSparseTraining(SparseMethod::Iee);
    options.density = 0;
    EXPECT_FALSE(SparseTrainer::create(options, pictures()));
}

}  // namespace
}  // namespace vitrine
