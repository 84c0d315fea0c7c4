// Encoders go through the driver like language models.
#include "core/compress/radio_blocks.h"

#include "core/compress/compression_driver.h"
#include "core/io/model_folder.h"
#include "core/io/safetensors.h"
#include "core/models/radio/radio_model.h"
#include "tests/core/compress/compress_data.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

std::unique_ptr<Model> openGolden(const std::filesystem::path& folder) {
    const auto opened = openModelFolder(folder);
    EXPECT_TRUE(opened) << messageOf(opened);
    auto model = loadRadio(*opened, {});
    EXPECT_TRUE(model) << messageOf(model);
    return std::move(*model);
}

RadioModule& moduleOf(Model& model) {
    return dynamic_cast<RadioModule&>(*model.module());
}

void checkBlocks(const std::filesystem::path& folder) {
    at::manual_seed(1);
    const at::NoGradGuard plain;
    const auto model = openGolden(folder);
    auto& module = moduleOf(*model);
    const int64_t side = 4 * module.config().patchSize;
    const auto pixels = at::rand({2, 3, side, side});
    RadioBlocks blocks(module, {pixels});
    // Block by block is the whole pass.
    RadioPass pass;
    pass.gridHeight = pass.gridWidth = 4;
    auto stream = blocks.firstStream(0);
    pass.afterBlock = [&](int64_t block, const at::Tensor& tokens) {
        std::map<int, at::Tensor> inputs;
        const auto next =
            blocks.runBlock(block, 0, stream, [&](int group, const at::Tensor& x) { inputs[group] = x; });
        EXPECT_TRUE(next.allclose(tokens, 1e-4, 1e-5)) << block;
        // What the last layer is shown makes, by the block's own weights, what the block adds.
        EXPECT_EQ(inputs.size(), 4u);
        const auto linears = blocks.linears(block);
        for (const auto& linear : linears)
            EXPECT_EQ(inputs.at(linear.group).size(-1), linear.weight.size(1)) << linear.name;
        stream = next;
        return true;
    };
    module.runBlocks(blocks.firstStream(0), pass);
}

TEST(RadioBlocks, BlocksOneByOneAreTheWholePass) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_vit");
    checkBlocks(folder);
}

TEST(RadioBlocks, GatedBlocksWithLayerScaleToo) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_g");
    checkBlocks(folder);
}

// The inputs that are shown are those that the layers really get: with all other rows of a layer at 0, the
// block's change is that layer's own product.
TEST(RadioBlocks, ShownInputsAreTheLayersInputs) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_vit");
    at::manual_seed(2);
    const at::NoGradGuard plain;
    const auto model = openGolden(folder);
    auto& module = moduleOf(*model);
    const int64_t side = 4 * module.config().patchSize;
    RadioBlocks blocks(module, {at::rand({1, 3, side, side})});
    const auto stream = blocks.firstStream(0);
    std::map<int, at::Tensor> inputs;
    const auto before =
        blocks.runBlock(0, 0, stream, [&](int group, const at::Tensor& x) { inputs[group] = x; });
    auto last = blocks.linears(0)[3].weight;
    const auto change = 0.1 * at::randn_like(last);
    last.set_data(last + change);
    const auto after = blocks.runBlock(0, 0, stream, {});
    const auto scaled = at::linear(inputs.at(3), change);
    EXPECT_TRUE((after - before).allclose(scaled, 1e-3, 1e-5));
}

TEST(RadioBlocks, SparseGptKeepsFeaturesBetterThanChance) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_vit");
    at::manual_seed(3);
    const at::NoGradGuard plain;
    const auto pixelsOf = [](int64_t side) {
        std::vector<at::Tensor> pictures;
        for (int batch = 0; batch < 8; ++batch)
            pictures.push_back(at::avg_pool2d(at::rand({4, 3, 4 * side, 4 * side}), {4, 4}));
        return pictures;
    };
    const auto difference = [&](PruneMethod method, std::optional<LowRankMethod> lowRank) {
        at::manual_seed(4);
        const auto dense = openGolden(folder), model = openGolden(folder);
        auto& module = moduleOf(*model);
        const int64_t side = 4 * module.config().patchSize;
        const auto pictures = pixelsOf(side), held = pixelsOf(side);
        RadioBlocks blocks(module, pictures);
        CompressionPlan plan;
        plan.prune = method;
        plan.lowRank = lowRank;
        plan.rank = 8;
        JobContext job;
        int64_t layers = 0;
        const auto report = compressModel(blocks, plan, job, [&](CompressedLayer&&) -> Result<void> {
            ++layers;
            return {};
        });
        EXPECT_TRUE(report) << messageOf(report);
        EXPECT_EQ(layers, 4 * module.config().depth);
        RadioPass pass;
        pass.gridHeight = pass.gridWidth = 4;
        auto& reference = moduleOf(*dense);
        const auto expected =
            reference.runBlocks(reference.patchGenerator().forward(reference.condition(held[0])), pass);
        const auto found = module.runBlocks(module.patchGenerator().forward(module.condition(held[0])), pass);
        return ((found - expected).norm() / expected.norm()).item<double>();
    };
    const double random = difference(PruneMethod::Random, {}), wanda = difference(PruneMethod::Wanda, {}),
                 updated = difference(PruneMethod::SparseGpt, {}),
                 repaired = difference(PruneMethod::SparseGpt, LowRankMethod::Eora);
    EXPECT_LT(wanda, random);
    EXPECT_LT(updated, 0.9 * random);
    EXPECT_LT(repaired, updated);
}

}  // namespace
}  // namespace vitrine
