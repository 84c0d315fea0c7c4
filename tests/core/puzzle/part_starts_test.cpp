#include "core/puzzle/part_starts.h"

#include "core/models/language/decoder_block.h"
#include "core/puzzle/block_library.h"
#include "tests/core/structured/structured_data.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct PartStartsTest : testing::StructuredData {};

TEST_F(PartStartsTest, NamesThatThereAreNot) {
    EXPECT_THAT(neuronStartFromName("best").error().text(), HasSubstr("independent, iterative"));
    EXPECT_THAT(linearStartFromName("ridge").error().text(), HasSubstr("fit, product"));
}

TEST_F(PartStartsTest, InOneBatchNeuronsGoByTheirOwnWorth) {
    at::manual_seed(1);
    const at::Tensor down = at::randn({6, 12}), a = at::randn({2, 9, 12});
    IterativeNeurons neurons(down, 1);
    neurons.add(a);
    const at::Tensor worth = a.flatten(0, 1).abs().mean(0) * down.norm(2, 0);
    EXPECT_TRUE(neurons.order().equal(std::get<1>(worth.sort(true, 0, false))));
}

// What has gone is looked at: of two neurons that cancel one another, the second costs nothing once the first
// is gone.
TEST_F(PartStartsTest, WhatIsGoneIsLookedAt) {
    at::manual_seed(2);
    const int64_t tokens = 40;
    at::Tensor down = at::randn({5, 6}), a = at::randn({1, tokens, 6});
    down.select(1, 3).copy_(-down.select(1, 0));
    a.select(2, 3).copy_(a.select(2, 0));
    IterativeNeurons neurons(down, 6);
    a = a * at::tensor({0.1, 1.0, 0.2, 0.1, 1.0, 1.0});
    for (int batch = 0; batch < 6; ++batch)
        neurons.add(a);
    const at::Tensor order = neurons.order();
    EXPECT_EQ(order.numel(), 6);
    // By definition: each step takes those that change the output least.
    std::vector<int64_t> gone;
    for (int batch = 1; batch <= 6; ++batch) {
        const double left = 1 - batch / 6.0;
        const auto stay = int64_t(std::floor(left * left * 6));
        std::vector<std::pair<double, int64_t>> costs;
        for (int64_t i = 0; i < 6; ++i) {
            if (std::find(gone.begin(), gone.end(), i) != gone.end())
                continue;
            at::Tensor change = at::outer(a[0].select(1, i), down.select(1, i));
            for (const int64_t j : gone)
                change = change + at::outer(a[0].select(1, j), down.select(1, j));
            costs.emplace_back(change.norm(2, 1).mean().item<double>(), i);
        }
        std::sort(costs.begin(), costs.end());
        const size_t go = size_t(6 - stay) - gone.size();
        for (size_t i = 0; i < go; ++i)
            gone.push_back(costs[i].second);
    }
    EXPECT_TRUE(order.equal(at::tensor(gone, at::kLong))) << order;
}

// Attention whose tokens see themselves alone is linear, and so is a feed-forward part of one neuron kind.
TEST_F(PartStartsTest, ProductsAreThePartsWithoutMixture) {
    for (const bool nemotron : {false, true}) {
        const auto parent = randomModel(richConfig(nemotron));
        const VariantGrid grid{{},
                               {},
                               true,
                               false,
                               true,
                               false,
                               KeyValueStart::Average,
                               NeuronStart::Independent,
                               LinearStart::Product};
        const auto library = startLibrary(*parent, ranked(*parent), grid, batches(), job);
        ASSERT_TRUE(library) << library.error().text();
        const LayerVariants& layer = library->layers[1];
        ASSERT_EQ(layer.attention[1].name, "linear");
        const auto block = makeVariantBlock(parent->decoder(), 1, layer.attention[1], layer.feedForward[1]);
        const at::NoGradGuard noGrad;
        at::manual_seed(4);
        // One token: attention has nothing to mix.
        const at::Tensor x = at::randn({5, 1, parent->config().width});
        const DecoderPass pass = parent->decoder().begin(5, 1);
        EXPECT_TRUE(block->attentionUpdate(x, pass).allclose(
            parent->decoder().block(1)->attentionUpdate(x, pass), 1e-4, 1e-5));
        const DecoderBlock& own = *parent->decoder().block(1);
        const auto up = own.linear(LinearRole::Up), down = own.linear(LinearRole::Down);
        EXPECT_TRUE(block->feedForwardUpdate(x, pass).allclose(
            down->forward(up->forward(own.norm(SubLayer::FeedForward)->forward(x))), 1e-4, 1e-5));
    }
}

TEST_F(PartStartsTest, TheLibraryKeepsTheLastNeurons) {
    const auto parent = randomModel(richConfig(false));
    VariantGrid grid{{}, {0.25}, false, false, false, false};
    const auto independent = startLibrary(*parent, ranked(*parent), grid, batches(), job);
    grid.neuronStart = NeuronStart::Iterative;
    const auto iterative = startLibrary(*parent, ranked(*parent), grid, batches(), job);
    ASSERT_TRUE(independent && iterative);
    const auto& name = "mlp.down_proj.weight";
    const at::Tensor &a = independent->layers[0].feedForward[1].weights.at(name),
                     &b = iterative->layers[0].feedForward[1].weights.at(name);
    EXPECT_EQ(a.sizes(), b.sizes());
    EXPECT_FALSE(a.equal(b));
}

}  // namespace
}  // namespace vitrine
