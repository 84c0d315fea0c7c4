// Training with channels that are chosen for a time.
#include "tests/core/sparse_training/latency_tables.h"
#include "tests/core/sparse_training/small_sparse_training.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

const LabelledPictures& pictures() {
    static const LabelledPictures set = shapeScenePictures(512, 16, 0, "training");
    return set;
}

SparseTrainingOptions timed(SparseMethod method, double part = 0.6) {
    SparseTrainingOptions options = testing::smallSparseTraining(method);
    options.network.width = 8;
    options.units = UnitKind::Channels;
    options.saliency = Saliency::Taylor;
    options.exchanged = 0.5;
    const auto network = ClassifierNetwork::create(options.network);
    options.latency = LatencyOptions{part, 4, testing::steppedTable(*network, 4)};
    return options;
}

std::unique_ptr<SparseTrainer> trainerOf(const SparseTrainingOptions& options) {
    auto trainer = SparseTrainer::create(options, pictures());
    EXPECT_TRUE(trainer) << (trainer ? "" : trainer.error().text());
    return trainer ? std::move(*trainer) : nullptr;
}

bool inWholeGroups(const SparseTrainer& trainer) {
    const std::vector<int64_t> counts = trainer.structure().activeCounts();
    for (size_t layer = 0; layer < counts.size(); ++layer) {
        const auto& steps = trainer.latency()->steps(layer);
        if (std::find(steps.begin(), steps.end(), counts[layer]) == steps.end())
            return false;
    }
    return true;
}

struct EveryTimedMethod : ::testing::TestWithParam<SparseMethod> {};

TEST_P(EveryTimedMethod, KeepsToItsTimeInWholeGroups) {
    const SparseTrainingOptions options = timed(GetParam());
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    const LatencyBudget& budget = *trainer->latency();
    const auto ms = [&] { return budget.predictedMs(trainer->structure().activeCounts()); };
    const bool fromDense =
        options.method == SparseMethod::Magnitude || options.method == SparseMethod::Gradual;
    EXPECT_EQ(fromDense, ms() > budget.limitMs());
    int exchanges = 0;
    while (trainer->step() < options.steps) {
        const auto report = trainer->train();
        ASSERT_TRUE(report) << report.error().text();
        EXPECT_TRUE(inWholeGroups(*trainer)) << report->step;
        EXPECT_TRUE(fromDense || ms() <= budget.limitMs() + 1e-6) << report->step;
        if (!report->exchange)
            continue;
        ++exchanges;
        ASSERT_TRUE(report->exchange->latency);
        EXPECT_DOUBLE_EQ(*report->exchange->latency, ms() / budget.denseMs());
        // Nothing that would still fit is left out: the cheapest group takes more than what is left.
        const std::vector<int64_t> counts = trainer->structure().activeCounts();
        for (size_t layer = 0; layer < counts.size(); ++layer) {
            const auto& steps = budget.steps(layer);
            const auto next = std::upper_bound(steps.begin(), steps.end(), counts[layer]);
            if (next == steps.end())
                continue;
            std::vector<int64_t> more = counts;
            more[layer] = *next;
            EXPECT_GT(budget.predictedMs(more), budget.limitMs()) << "layer " << layer;
        }
    }
    EXPECT_LE(ms(), budget.limitMs() + 1e-6);
    EXPECT_EQ(exchanges > 0, options.method == SparseMethod::Iee || options.method == SparseMethod::Set);
}

INSTANTIATE_TEST_SUITE_P(Latency, EveryTimedMethod,
                         ::testing::Values(SparseMethod::Static, SparseMethod::Magnitude,
                                           SparseMethod::Gradual, SparseMethod::Set, SparseMethod::Iee));

// Ω is of the time that could be saved: what leaves frees it, and what enters takes it up again.
TEST(SparseLatency, PruningFreesThePartOfTheTimeThatIsToBeExchanged) {
    const SparseTrainingOptions options = timed(SparseMethod::Iee);
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    const LatencyBudget& budget = *trainer->latency();
    const auto ms = [&] { return budget.predictedMs(trainer->structure().activeCounts()); };
    const double before = ms(), least = budget.leastMs(trainer->structure().activeCounts());
    std::string stage = "importance";
    while (stage == "importance") {
        EXPECT_DOUBLE_EQ(ms(), before);
        const auto report = trainer->train();
        ASSERT_TRUE(report);
        stage = trainer->step() < options.importanceSteps ? "importance" : "accuracy";
    }
    EXPECT_LE(ms(), before - 0.5 * (before - least) + 1e-9);
    EXPECT_GE(ms(), least - 1e-9);
    EXPECT_LT(ms(), before);
}

TEST(SparseLatency, TheChannelsThatStayAreTheBestOfTheirLayer) {
    SparseTrainingOptions options = timed(SparseMethod::Magnitude);
    options.steps = 20;
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    std::vector<at::Tensor> scores;
    while (trainer->step() < 10) {
        ASSERT_TRUE(trainer->train());
        TensorList sizes;
        for (const at::Tensor& value : trainer->values())
            sizes.push_back(value.abs());
        scores = trainer->structure().unitSums(sizes);
    }
    int64_t out = 0;
    for (size_t index = 0; index < scores.size(); ++index) {
        const at::Tensor active = trainer->structure().layers()[index].active;
        const at::Tensor others = scores[index].masked_select(active.logical_not());
        out += others.numel();
        if (others.numel() > 0) {
            EXPECT_GE(scores[index].masked_select(active).min().item<double>(), others.max().item<double>());
        }
    }
    EXPECT_GT(out, 0);
}

TEST(SparseLatency, GoesOnBitByBitAndOnlyByTheSameTable) {
    const testing::TemporaryFolder folder;
    const SparseTrainingOptions options = timed(SparseMethod::Iee);
    for (const int64_t at : {2, 4, 7, 9}) {
        const auto whole = trainerOf(options);
        while (whole->step() < at)
            ASSERT_TRUE(whole->train());
        ASSERT_TRUE(whole->save(folder / "checkpoint.safetensors"));
        const auto other = trainerOf(options);
        const auto restored = other->restore(folder / "checkpoint.safetensors");
        ASSERT_TRUE(restored) << restored.error().text();
        for (int step = 0; step < 20; ++step) {
            const auto a = whole->train(), b = other->train();
            ASSERT_TRUE(a && b);
            EXPECT_EQ(a->loss, b->loss) << "step " << a->step << " after " << at;
        }
        EXPECT_EQ(whole->structure().activeCounts(), other->structure().activeCounts());
    }
    LatencyOptions slower = *options.latency;
    slower.table.layers[3].ms[0][0] *= 1.01;
    SparseTrainingOptions changed = options;
    changed.latency = slower;
    EXPECT_FALSE(trainerOf(changed)->restore(folder / "checkpoint.safetensors"));
}

TEST(SparseLatency, ACutNetworkGivesTheSameLogits) {
    const SparseTrainingOptions options = timed(SparseMethod::Iee, 0.5);
    const auto trainer = trainerOf(options);
    ASSERT_TRUE(trainer);
    while (trainer->step() < options.steps)
        ASSERT_TRUE(trainer->train());
    TensorList buffers, whole = trainer->buffers();
    const TensorList cut = trainer->cutWeights(buffers);
    const at::Tensor pixels = pictures().pictures.narrow(0, 0, 16);
    const at::Tensor own =
        trainer->network().forward(pixels, trainer->weightsInUse(), whole, NormMode::Evaluate).logits;
    const at::Tensor small = trainer->network().forward(pixels, cut, buffers, NormMode::Evaluate).logits;
    EXPECT_LT((small - own).abs().max().item<double>(), 1e-4 * own.abs().max().item<double>());
    const std::vector<int64_t> counts = trainer->structure().activeCounts();
    EXPECT_EQ(cut[trainer->network().index("layer3.0.conv1.weight")].size(0), counts[2]);
    EXPECT_EQ(cut[trainer->network().index("layer3.0.conv2.weight")].size(1), counts[2]);
}

TEST(SparseLatency, IsOfChannels) {
    SparseTrainingOptions options = timed(SparseMethod::Iee);
    options.units = UnitKind::Weights;
    EXPECT_THAT(SparseTrainer::create(options, pictures()).error().text(),
                HasSubstr("settings.units to channels"));
    options = timed(SparseMethod::Iee);
    options.network.width = 12;
    const auto refused = SparseTrainer::create(options, pictures());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::ShapeMismatch);
}

}  // namespace
}  // namespace vitrine
