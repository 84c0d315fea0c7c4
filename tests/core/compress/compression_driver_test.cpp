#include "core/compress/compression_driver.h"

#include "core/compress/column_sweep.h"
#include "core/compress/decoder_blocks.h"
#include "core/models/language/decoder_block.h"
#include "core/models/language/language_model.h"
#include "tests/core/compress/compress_data.h"

#include <gmock/gmock.h>

#include <numeric>

namespace vitrine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Two blocks, each tanh(x Aᵀ) Bᵀ + x: group 0 reads the stream, group 1 what is between.
class Chain : public BlockModel {
  public:
    Chain(int64_t width, int64_t inner, std::vector<at::Tensor> inputs) : inputs_(std::move(inputs)) {
        for (int block = 0; block < 2; ++block)
            weights_.push_back({at::randn({inner, width}) / std::sqrt(double(width)),
                                at::randn({width, inner}) / std::sqrt(double(inner))});
    }
    int64_t depth() const override { return 2; }
    std::vector<BlockLinear> linears(int64_t block) const override {
        const auto& [first, second] = weights_[size_t(block)];
        const auto prefix = fmt::format("blocks.{}.", block);
        return {{prefix + "first", first, 0}, {prefix + "second", second, 1}};
    }
    int64_t batches() const override { return int64_t(inputs_.size()); }
    at::Tensor firstStream(int64_t batch) override { return inputs_[size_t(batch)]; }
    at::Tensor runBlock(int64_t block, int64_t, const at::Tensor& stream, const InputSink& sink) override {
        ++runs;
        const auto& [first, second] = weights_[size_t(block)];
        if (sink)
            sink(0, stream);
        const auto inner = at::linear(stream, first).tanh();
        if (sink)
            sink(1, inner);
        return stream + at::linear(inner, second);
    }
    at::Tensor output(const at::Tensor& x) { return runBlock(1, 0, runBlock(0, 0, x, {}), {}); }
    std::vector<std::pair<at::Tensor, at::Tensor>> weights_;
    int runs = 0;

  private:
    std::vector<at::Tensor> inputs_;
};

std::vector<at::Tensor> batchesOf(int64_t count, int64_t width) {
    std::vector<at::Tensor> batches;
    const auto x = unevenInputs(count * 40, width);
    for (int64_t batch = 0; batch < count; ++batch)
        batches.push_back(x.slice(0, batch * 40, batch * 40 + 40).reshape({4, 10, width}));
    return batches;
}

std::vector<std::pair<at::Tensor, at::Tensor>> copyOf(
    const std::vector<std::pair<at::Tensor, at::Tensor>>& weights) {
    std::vector<std::pair<at::Tensor, at::Tensor>> copies;
    for (const auto& [first, second] : weights)
        copies.emplace_back(first.clone(), second.clone());
    return copies;
}

Result<DriverReport> compress(BlockModel& model, const CompressionPlan& plan,
                              std::vector<CompressedLayer>& layers) {
    JobContext job;
    return compressModel(model, plan, job, [&](CompressedLayer&& layer) -> Result<void> {
        layers.push_back(std::move(layer));
        return {};
    });
}

CompressionPlan planOf(PruneMethod method) {
    CompressionPlan plan;
    plan.prune = method;
    return plan;
}

TEST(CompressionDriver, LaterBlocksAreCalibratedOnCompressedOnes) {
    at::manual_seed(1);
    const auto batches = batchesOf(5, 16);
    Chain model(16, 24, batches);
    const auto dense = copyOf(model.weights_);
    std::vector<CompressedLayer> layers;
    const auto report = compress(model, planOf(PruneMethod::SparseGpt), layers);
    ASSERT_TRUE(report) << messageOf(report);
    ASSERT_EQ(layers.size(), 4u);
    EXPECT_EQ(report->tokens, 200);
    // Every batch runs twice through the first block (to watch, to go on) and once through the last.
    EXPECT_EQ(model.runs, 5 * 3);
    // The second block's first layer, made again by hand from the compressed first block's outputs.
    LinearStatistics statistics(16);
    for (const auto& x : batches)
        ASSERT_TRUE(statistics.add(model.runBlock(0, 0, x, {})));
    const auto expected =
        *sweepColumns(dense[1].first, *inverseFactor(statistics), {SparsityPattern::nOfM(2, 4), {}, {}});
    EXPECT_TRUE(model.weights_[1].first.equal(expected.weight));
    EXPECT_EQ(layers[2].report.name, "blocks.1.first");
    EXPECT_EQ(layers[2].report.block, 1);
    for (const auto& layer : layers) {
        EXPECT_NEAR(layer.report.keptPart, 0.5, 1e-6);
        EXPECT_GT(layer.report.relativeError, 0);
        EXPECT_LT(layer.report.relativeError, 1);
        ASSERT_TRUE(layer.saved.sparse);
        EXPECT_TRUE(layer.saved.weight().equal(layer.weight));
    }
}

TEST(CompressionDriver, TrueSequentialSeesTheEarlierGroupsOfTheBlock) {
    at::manual_seed(2);
    const auto batches = batchesOf(3, 16);
    Chain model(16, 24, batches);
    const auto dense = copyOf(model.weights_);
    auto plan = planOf(PruneMethod::SparseGpt);
    plan.trueSequential = true;
    std::vector<CompressedLayer> layers;
    ASSERT_TRUE(compress(model, plan, layers));
    LinearStatistics statistics(24);
    for (const auto& x : batches)
        ASSERT_TRUE(statistics.add(at::linear(x, model.weights_[0].first).tanh()));
    const auto expected =
        *sweepColumns(dense[0].second, *inverseFactor(statistics), {SparsityPattern::nOfM(2, 4), {}, {}});
    EXPECT_TRUE(model.weights_[0].second.equal(expected.weight));
}

TEST(CompressionDriver, MethodsAreOrderedAndTheRandomControlIsWorst) {
    at::manual_seed(3);
    const auto batches = batchesOf(10, 32);
    Chain model(32, 64, batches);
    const auto dense = copyOf(model.weights_);
    const auto reference = model.output(batches[0]);
    const auto error = [&](const CompressionPlan& plan) {
        for (size_t block = 0; block < 2; ++block) {
            model.weights_[block].first.copy_(dense[block].first);
            model.weights_[block].second.copy_(dense[block].second);
        }
        std::vector<CompressedLayer> layers;
        const auto report = compress(model, plan, layers);
        EXPECT_TRUE(report) << messageOf(report);
        return (model.output(batches[0]) - reference).square().mean().item<double>();
    };
    const double random = error(planOf(PruneMethod::Random)), wanda = error(planOf(PruneMethod::Wanda)),
                 updated = error(planOf(PruneMethod::SparseGpt));
    EXPECT_LT(updated, 0.9 * wanda);
    EXPECT_LT(wanda, 0.9 * random);
    auto repaired = planOf(PruneMethod::SparseGpt);
    repaired.lowRank = LowRankMethod::Eora;
    repaired.rank = 8;
    auto plainly = repaired;
    plainly.lowRank = LowRankMethod::PlainSvd;
    EXPECT_LT(error(repaired), 0.9 * updated);
    EXPECT_LT(error(repaired), error(plainly));
    auto rounded = planOf(PruneMethod::None);
    rounded.quantization = *LowBitFormatSpec::fromName("int3");
    auto nearest = rounded;
    nearest.rounding = RoundingMethod::Nearest;
    EXPECT_LT(error(rounded), error(nearest));
    auto both = planOf(PruneMethod::SparseGpt);
    both.quantization = *LowBitFormatSpec::fromName("int4");
    both.lowRank = LowRankMethod::Eora;
    both.rank = 8;
    both.adapterFormat = *LowBitFormatSpec::fromName("int8");
    EXPECT_LT(error(both), 1.5 * updated);
}

TEST(CompressionDriver, PredictedErrorsAreMeasuredOnes) {
    at::manual_seed(4);
    Chain model(16, 24, batchesOf(4, 16));
    auto plan = planOf(PruneMethod::Wanda);
    plan.lowRank = LowRankMethod::Eora;
    plan.rank = 4;
    std::vector<CompressedLayer> layers;
    ASSERT_TRUE(compress(model, plan, layers));
    for (const auto& layer : layers) {
        EXPECT_NEAR(layer.report.predictedError / layer.report.relativeError, 1, 1e-3) << layer.report.name;
        EXPECT_LT(layer.report.relativeError, layer.report.uncompensatedError);
        ASSERT_TRUE(layer.spectrum);
        EXPECT_EQ(layer.spectrum->energy.size(0), layer.report.columns);
        ASSERT_EQ(layer.report.patterns.size(), 6u);
        EXPECT_EQ(std::accumulate(layer.report.patterns.begin(), layer.report.patterns.end(), int64_t(0)),
                  layer.report.rows * layer.report.columns / 4);
    }
}

std::unique_ptr<LanguageModel> smallModel() {
    DecoderConfig config;
    config.vocabulary = 50;
    config.width = 32;
    config.contextLength = 64;
    LayerSettings layer;
    layer.attention.queryHeads = 4;
    layer.attention.keyValueHeads = 2;
    layer.attention.headWidth = 8;
    layer.feedForward.intermediate = 48;
    config.layers = {layer, layer};
    auto model = createLanguageModel(config, 3, 0.1);
    EXPECT_TRUE(model) << messageOf(model);
    return std::move(*model);
}

TEST(CompressionDriver, LanguageModelsGoThroughBlockByBlock) {
    at::manual_seed(5);
    const auto model = smallModel();
    const auto ids = at::randint(0, 50, {6, 2, 32}, at::kLong);
    std::vector<at::Tensor> batches;
    for (int64_t batch = 0; batch < 6; ++batch)
        batches.push_back(ids[batch]);
    const at::NoGradGuard plain;
    DecoderBlocks blocks(model->decoder(), batches);
    // Running the blocks one by one is running the model.
    auto stream = blocks.firstStream(0);
    for (int64_t block = 0; block < 2; ++block)
        stream = blocks.runBlock(block, 0, stream, {});
    EXPECT_TRUE(model->decoder().finalNorm(stream).allclose(model->decoder().hidden(batches[0]), 1e-5, 1e-6));
    for (const bool trueSequential : {false, true}) {
        const auto copy = model->clone();
        DecoderBlocks own(copy->decoder(), batches);
        auto plan = planOf(PruneMethod::SparseGpt);
        plan.trueSequential = trueSequential;
        std::vector<CompressedLayer> layers;
        const auto report = compress(own, plan, layers);
        ASSERT_TRUE(report) << messageOf(report);
        EXPECT_EQ(layers.size(), 14u);
        EXPECT_EQ(layers[0].report.name, "model.layers.0.self_attn.q_proj");
        EXPECT_EQ(report->tokens, 6 * 2 * 32);
        for (const auto& linear : copy->decoder().linears())
            EXPECT_TRUE(((linear->weight != 0).reshape({-1, 4}).sum(1) <= 2).all().item<bool>());
        EXPECT_TRUE(copy->decoder().logits(batches[0]).isfinite().all().item<bool>());
    }
}

TEST(CompressionDriver, LayersThatAreLeftOutStayAsTheyWere) {
    at::manual_seed(6);
    Chain model(16, 24, batchesOf(2, 16));
    const auto before = model.weights_[1].second.clone();
    auto plan = planOf(PruneMethod::Magnitude);
    plan.skip = {"second"};
    std::vector<CompressedLayer> layers;
    ASSERT_TRUE(compress(model, plan, layers));
    EXPECT_EQ(layers.size(), 2u);
    EXPECT_TRUE(model.weights_[1].second.equal(before));
}

TEST(CompressionDriver, WhatCannotWorkIsSaidBeforeAnythingChanges) {
    at::manual_seed(7);
    Chain model(16, 30, batchesOf(2, 16));  // the second layer has 30 inputs
    const auto before = model.weights_[0].first.clone();
    std::vector<CompressedLayer> layers;
    EXPECT_THAT(messageOf(compress(model, planOf(PruneMethod::Wanda), layers)),
                AllOf(HasSubstr("blocks.0.second"), HasSubstr("30 inputs are no whole groups of 4")));
    auto plan = planOf(PruneMethod::Magnitude);
    plan.pattern = SparsityPattern::unstructured(0.5);
    plan.lowRank = LowRankMethod::Eora;
    plan.rank = 17;
    EXPECT_THAT(
        messageOf(compress(model, plan, layers)),
        AllOf(HasSubstr("blocks.0.first"), HasSubstr("rank 17 is larger than the matrix of 30 x 16")));
    plan.lowRank.reset();
    plan.prune = PruneMethod::None;
    EXPECT_THAT(messageOf(compress(model, plan, layers)), HasSubstr("neither pruning nor a low-bit format"));
    Chain silent(16, 24, {});
    EXPECT_THAT(messageOf(compress(silent, planOf(PruneMethod::Wanda), layers)),
                HasSubstr("no text to calibrate on"));
    EXPECT_TRUE(model.weights_[0].first.equal(before));
    EXPECT_EQ(model.runs, 0);
}

TEST(CompressionDriver, NotANumberNamesLayerAndBatch) {
    at::manual_seed(8);
    auto batches = batchesOf(3, 16);
    batches[2][0][0][5] = std::nan("");
    Chain model(16, 24, batches);
    std::vector<CompressedLayer> layers;
    EXPECT_THAT(messageOf(compress(model, planOf(PruneMethod::Wanda), layers)),
                AllOf(HasSubstr("blocks.0.first, calibration batch 2"), HasSubstr("NaN or infinite")));
}

TEST(CompressionDriver, StopsWhenAsked) {
    Chain model(16, 24, batchesOf(2, 16));
    std::stop_source source;
    source.request_stop();
    JobContext job(source.get_token(), {});
    const auto report = compressModel(model, planOf(PruneMethod::Wanda), job,
                                      [](CompressedLayer&&) -> Result<void> { return {}; });
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::Cancelled);
}

TEST(CompressionPlan, NamesAreReadAsTheyAreWritten) {
    for (const auto method : {PruneMethod::None, PruneMethod::Random, PruneMethod::Magnitude,
                              PruneMethod::Wanda, PruneMethod::SparseGptMask, PruneMethod::SparseGpt})
        EXPECT_EQ(*pruneMethodFromName(pruneMethodName(method)), method);
    EXPECT_THAT(messageOf(pruneMethodFromName("obs")), HasSubstr("Known: none, random"));
    auto plan = planOf(PruneMethod::SparseGpt);
    plan.actOrder = true;
    EXPECT_THAT(messageOf(plan.validate()), HasSubstr("2:4 groups apart"));
}

}  // namespace
}  // namespace vitrine
