// Probes, clusters, correspondence, norms and attention.
#include "core/features/attention_maps.h"
#include "core/features/clustering.h"
#include "core/features/similarity.h"
#include "core/features/token_norms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(Similarity, ProbeIsOneAtItselfAndMinusOneAtItsOpposite) {
    at::manual_seed(1);
    auto map = at::randn({6, 4, 5});
    map.select(1, 3).select(1, 4).copy_(-2 * map.select(1, 1).select(1, 2));
    const auto cosine = *cosineMap(map, *patchVector(map, 1, 2));
    EXPECT_EQ(cosine.sizes(), at::IntArrayRef({4, 5}));
    EXPECT_NEAR(cosine[1][2].item<double>(), 1, 1e-6);
    EXPECT_NEAR(cosine[3][4].item<double>(), -1, 1e-6);
    EXPECT_LE(cosine.abs().max().item<double>(), 1 + 1e-6);
}

TEST(Similarity, BrushIsTheMeanOfWhatItCovers) {
    const auto map = at::arange(12, at::kFloat).reshape({2, 2, 3});
    auto mask = at::zeros({2, 3});
    mask[0][0] = 1;
    mask[1][2] = 0.5;
    const auto vector = *brushVector(map, mask);
    EXPECT_TRUE(vector.equal(at::tensor({2.5f, 8.5f})));
    EXPECT_THAT(brushVector(map, at::zeros({2, 3})).error().text(), HasSubstr("the selection is empty"));
    EXPECT_THAT(brushVector(map, at::zeros({3, 2})).error().text(), HasSubstr("[3, 2]"));
    EXPECT_THAT(patchVector(map, 2, 0).error().text(), HasSubstr("outside the grid of 2 x 3"));
    EXPECT_THAT(cosineMap(map, at::ones({4})).error().text(), HasSubstr("the map has 2 channels"));
}

TEST(Correspondence, FollowsAShift) {
    at::manual_seed(2);
    const auto scene = at::randn({16, 10, 14});
    const auto source = scene.slice(2, 0, 10), target = scene.slice(2, 3, 13);
    const auto found = denseCorrespondence(source, target);
    ASSERT_TRUE(found);
    for (int64_t y = 0; y < 10; ++y)
        for (int64_t x = 3; x < 10; ++x) {
            EXPECT_EQ(found->match[y][x].item<int64_t>(), y * 10 + x - 3);
            EXPECT_NEAR(found->similarity[y][x].item<double>(), 1, 1e-5);
            EXPECT_LT(found->ratio[y][x].item<double>(), 0.01);
            EXPECT_TRUE(found->consistent[y][x].item<bool>());
        }
    // What left the picture has no good match: most of it fails the way back.
    EXPECT_LT(found->consistent.slice(1, 0, 3).to(at::kFloat).mean().item<double>(), 0.5);
    EXPECT_GT(found->ratio.slice(1, 0, 3).mean().item<double>(), 0.3);
    EXPECT_THAT(denseCorrespondence(source, at::randn({15, 4, 4})).error().text(), HasSubstr("16 channels"));
}

TEST(KMeans, SeparatesBlobsAndRepeatsItself) {
    at::manual_seed(5);
    const auto centers = at::tensor({0., 0., 10., 0., 0., 10.}).reshape({3, 2});
    const auto truth =
        at::cat({at::zeros({50}, at::kLong), at::ones({30}, at::kLong), at::full({20}, 2, at::kLong)});
    const auto tokens = centers.to(at::kFloat).index_select(0, truth) + 0.3 * at::randn({100, 2});
    const KMeansOptions options{.clusters = 3, .seed = 9, .cosine = false};
    const auto found = kMeans(tokens, options);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->labels.equal(truth));  // numbered by size
    EXPECT_TRUE(found->sizes.equal(at::tensor({50, 30, 20}, at::kLong)));
    EXPECT_TRUE(at::allclose(found->centers, centers.to(at::kFloat), 0, 0.3));
    EXPECT_LT(found->inertia, 100 * 2 * 0.09 * 1.3);
    const auto again = kMeans(tokens, options);
    EXPECT_TRUE(again->labels.equal(found->labels) && again->centers.equal(found->centers));
}

TEST(KMeans, CosineFormIgnoresLength) {
    const auto tokens = at::tensor({1.f, 0.f, 9.f, 0.1f, 0.f, 1.f, 0.1f, 5.f}).reshape({4, 2});
    const auto found = kMeans(tokens, {.clusters = 2});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->labels[0].item<int64_t>(), found->labels[1].item<int64_t>());
    EXPECT_EQ(found->labels[2].item<int64_t>(), found->labels[3].item<int64_t>());
    EXPECT_NE(found->labels[0].item<int64_t>(), found->labels[2].item<int64_t>());
    EXPECT_THAT(kMeans(tokens, {.clusters = 5}).error().text(), HasSubstr("5 clusters of 4 tokens"));
    const auto equal = kMeans(at::ones({6, 2}), {.clusters = 3});
    ASSERT_TRUE(equal);
    EXPECT_EQ(equal->sizes[0].item<int64_t>(), 6);
}

TEST(TokenNorms, FindsTheOutlier) {
    at::manual_seed(6);
    auto map = at::randn({64, 8, 8});
    map.select(1, 2).select(1, 5).mul_(12);
    const auto found = normOutliers(map);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->outlier.sum().item<int64_t>(), 1);
    EXPECT_TRUE(found->outlier[2][5].item<bool>());
    EXPECT_NEAR(found->median, 8, 0.4);
    const auto flat = normOutliers(at::ones({3, 2, 2}));
    EXPECT_EQ(flat->robustZ.abs().max().item<double>(), 0);
}

TEST(FixedPattern, SeparatesPositionFromContent) {
    at::manual_seed(7);
    const int64_t pictures = 60;
    const auto ring = at::zeros({8, 6, 6});
    ring.select(1, 0).fill_(2.f);  // a bright top row in every picture
    FixedPattern pattern, noise;
    for (int64_t picture = 0; picture < pictures; ++picture) {
        const auto content = at::randn({8, 6, 6});
        ASSERT_TRUE(pattern.add(content + ring));
        ASSERT_TRUE(noise.add(content));
    }
    const auto view = pattern.view();
    ASSERT_TRUE(view);
    // Energy of the ring around its mean: 8 channels * 4 * (1/6)(5/6); the content's is 8.
    const double ringEnergy = 8 * 4 * 5 / 36.;
    EXPECT_NEAR(view->share, ringEnergy / (ringEnergy + 8), 0.05);
    EXPECT_GT(view->borderEnergy, 2 * view->innerEnergy);
    EXPECT_NEAR(noise.view()->share, 1. / pictures, 0.01);
    EXPECT_THAT(pattern.add(at::zeros({8, 6, 7})).error().text(), HasSubstr("[8, 6, 7]"));
    EXPECT_FALSE(FixedPattern().view());
}

TEST(Attention, RolloutRowsSumToOne) {
    at::manual_seed(8);
    std::vector<at::Tensor> layers;
    for (int layer = 0; layer < 4; ++layer)
        layers.push_back(at::randn({3, 7, 7}).softmax(2));
    for (const auto fusion : {HeadFusion::Mean, HeadFusion::Max}) {
        const auto rollout = attentionRollout(layers, {.fusion = fusion});
        ASSERT_TRUE(rollout);
        EXPECT_TRUE(at::allclose(rollout->sum(1), at::ones({7}), 1e-5, 1e-6));
    }
}

TEST(Attention, RolloutOfTwoLayersByHand) {
    // First layer: token 0 looks at 1; second: token 1 looks at 0. Residual 0.5.
    const auto first = at::tensor({0.f, 1.f, 0.f, 1.f}).reshape({1, 2, 2});
    const auto second = at::tensor({1.f, 0.f, 1.f, 0.f}).reshape({1, 2, 2});
    const auto rollout = *attentionRollout({first, second});
    // A2 A1 = [[1, 0], [.5, .5]] [[.5, .5], [0, 1]]
    EXPECT_TRUE(at::allclose(rollout, at::tensor({.5f, .5f, .25f, .75f}).reshape({2, 2})));
    EXPECT_FALSE(attentionRollout({}));
    EXPECT_FALSE(attentionRollout({first, at::ones({1, 3, 3})}));
}

TEST(Attention, MapLeavesThePrefixOut) {
    const auto attention = at::arange(49, at::kFloat).reshape({1, 7, 7});
    const auto fused = *fuseHeads(attention, 0);
    const auto map = *attentionMap(fused, 2, 1, 2, 3);
    EXPECT_TRUE(map.equal(at::arange(15, 21, at::kFloat).reshape({2, 3})));
    EXPECT_THAT(attentionMap(fused, 2, 2, 2, 3).error().text(), HasSubstr("2 prefix tokens"));
    EXPECT_FALSE(fuseHeads(attention, 1));
}

}  // namespace
}  // namespace vitrine
