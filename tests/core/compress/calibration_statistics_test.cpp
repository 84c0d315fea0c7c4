#include "core/compress/calibration_statistics.h"

#include "tests/core/compress/compress_data.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(CalibrationStatistics, AreThoseOfAllInputsWhateverTheBatches) {
    at::manual_seed(1);
    const auto x = unevenInputs(301, 24);
    LinearStatistics streamed(24);
    for (int64_t start = 0; start < 301; start += 37)
        ASSERT_TRUE(streamed.add(x.slice(0, start, std::min<int64_t>(start + 37, 301)).unsqueeze(0)));
    const auto wide = x.to(at::kDouble);
    EXPECT_EQ(streamed.tokens(), 301);
    EXPECT_TRUE(streamed.secondMoment().allclose(wide.t().matmul(wide) / 301, 1e-10, 1e-12));
    EXPECT_TRUE(streamed.diagonal().allclose(wide.square().mean(0), 1e-10, 1e-12));
    EXPECT_TRUE(streamed.meanMagnitude().allclose(wide.abs().mean(0), 1e-10, 1e-12));
    EXPECT_TRUE(streamed.secondMoment().diagonal().allclose(streamed.diagonal(), 1e-10, 1e-14));
}

TEST(CalibrationStatistics, PartsOfSeveralProcessesJoin) {
    at::manual_seed(2);
    const auto x = unevenInputs(100, 8);
    CalibrationStatistics first, second, whole;
    ASSERT_TRUE(first.add("a", x.slice(0, 0, 60), 0));
    ASSERT_TRUE(second.add("a", x.slice(0, 60), 1));
    ASSERT_TRUE(second.add("b", x, 1));
    ASSERT_TRUE(whole.add("a", x, 0));
    ASSERT_TRUE(first.merge(second));
    EXPECT_TRUE(first.find("a")->secondMoment().allclose(whole.find("a")->secondMoment(), 1e-12, 1e-14));
    EXPECT_EQ(first.find("b")->tokens(), 100);
    CalibrationStatistics other;
    ASSERT_TRUE(other.add("a", at::randn({3, 9}), 0));
    EXPECT_THAT(messageOf(first.merge(other)), HasSubstr("expected statistics of 8 inputs, found 9"));
}

TEST(CalibrationStatistics, NotANumberNamesLayerBatchAndInput) {
    CalibrationStatistics statistics;
    ASSERT_TRUE(statistics.add("model.layers.3.mlp.down_proj", at::randn({5, 4}), 0));
    auto x = at::randn({2, 5, 4});
    x[1][2][3] = std::nan("");
    const auto text = messageOf(statistics.add("model.layers.3.mlp.down_proj", x, 7));
    EXPECT_THAT(text, HasSubstr("model.layers.3.mlp.down_proj, calibration batch 7"));
    EXPECT_THAT(text, HasSubstr("1 of 40 numbers are NaN or infinite, first in input 3"));
    EXPECT_EQ(statistics.find("model.layers.3.mlp.down_proj")->tokens(), 5);
    EXPECT_THAT(messageOf(statistics.add("model.layers.3.mlp.down_proj", at::randn({5, 6}), 8)),
                HasSubstr("expected 4 inputs, found 6"));
}

TEST(CalibrationStatistics, ComeBackFromAFileWithTheirSource) {
    at::manual_seed(3);
    const testing::TemporaryFolder folder;
    CalibrationStatistics statistics;
    statistics.source = {"model-hash", "data-hash", 7, 16, 128};
    ASSERT_TRUE(statistics.add("model.layers.0.self_attn.q_proj", at::randn({9, 6}), 0));
    const auto file = folder.path() / "statistics.safetensors";
    ASSERT_TRUE(statistics.save(file));
    const auto loaded = CalibrationStatistics::load(file);
    ASSERT_TRUE(loaded) << messageOf(loaded);
    const auto* layer = loaded->find("model.layers.0.self_attn.q_proj");
    ASSERT_TRUE(layer);
    EXPECT_TRUE(
        layer->secondMoment().equal(statistics.find("model.layers.0.self_attn.q_proj")->secondMoment()));
    EXPECT_EQ(layer->tokens(), 9);
    EXPECT_EQ(loaded->source.seed, 7u);
    EXPECT_EQ(loaded->source.windowLength, 128);
    EXPECT_TRUE(loaded->checkModel("model-hash"));
    EXPECT_THAT(messageOf(loaded->checkModel("another")), HasSubstr("statistics are of another model"));
}

TEST(CalibrationStatistics, TheDiagonalAloneTakesNoMatrix) {
    LinearStatistics statistics(5000, MomentExtent::Diagonal);
    ASSERT_TRUE(statistics.add(at::ones({3, 5000})));
    EXPECT_FALSE(statistics.secondMoment().defined());
    EXPECT_EQ(statistics.inputNorm().min().item<double>(), 1);
}

}  // namespace
}  // namespace vitrine
