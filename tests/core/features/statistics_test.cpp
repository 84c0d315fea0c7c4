#include "core/features/statistics.h"

#include "core/features/feature_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(Statistics, HistogramByHand) {
    const auto features =
        at::tensor({0.f, 0.f, 0.f, 0.f, 0.f, 0.f, -1.f, 0.f, 0.4f, 0.5f, 1.f, 3.f}).reshape({2, 6});
    const auto histogram = channelHistogram(features, 1, 2, 0, 1);
    ASSERT_TRUE(histogram);
    EXPECT_THAT(histogram->counts, ::testing::ElementsAre(2, 2));
    EXPECT_EQ(histogram->below, 1);
    EXPECT_EQ(histogram->above, 1);
    const auto own = channelHistogram(features, 1, 4);
    EXPECT_THAT(own->counts, ::testing::ElementsAre(1, 3, 1, 1));
    EXPECT_EQ(channelHistogram(features, 0, 3)->counts[0], 6);
    EXPECT_FALSE(channelHistogram(features, 2, 3));
}

TEST(Statistics, ReservoirKeepsEveryTokenWithTheSameChance) {
    std::vector<int> kept(50, 0);
    for (uint64_t seed = 0; seed < 600; ++seed) {
        TokenReservoir reservoir(10, seed);
        for (int64_t start = 0; start < 50; start += 7)
            ASSERT_TRUE(
                reservoir.add(at::arange(start, std::min<int64_t>(start + 7, 50), at::kFloat).unsqueeze(1)));
        const auto sample = reservoir.sample();
        ASSERT_EQ(sample.size(0), 10);
        EXPECT_EQ(reservoir.seen(), 50);
        for (int64_t row = 0; row < 10; ++row)
            ++kept[size_t(sample[row][0].item<float>())];
    }
    for (const int count : kept)  // 120 expected, standard deviation 10
        EXPECT_NEAR(count, 120, 50);
}

TEST(Statistics, ReservoirRepeatsItself) {
    at::manual_seed(2);
    const auto tokens = at::randn({300, 4});
    TokenReservoir one(20, 5), same(20, 5), other(20, 6);
    ASSERT_TRUE(one.add(tokens) && same.add(tokens) && other.add(tokens));
    EXPECT_TRUE(one.sample().equal(same.sample()));
    EXPECT_FALSE(one.sample().equal(other.sample()));
}

TEST(Statistics, ReservoirsOfTwoStreamsJoinToAUniformSample) {
    std::vector<int> kept(60, 0);
    for (uint64_t trial = 0; trial < 600; ++trial) {
        TokenReservoir first(10, 2 * trial), second(10, 2 * trial + 1);
        ASSERT_TRUE(first.add(at::arange(0, 45, at::kFloat).unsqueeze(1)));
        ASSERT_TRUE(second.add(at::arange(45, 60, at::kFloat).unsqueeze(1)));
        ASSERT_TRUE(first.merge(second));
        EXPECT_EQ(first.seen(), 60);
        const auto sample = first.sample();
        ASSERT_EQ(sample.size(0), 10);
        for (int64_t row = 0; row < 10; ++row)
            ++kept[size_t(sample[row][0].item<float>())];
    }
    for (const int count : kept)  // 100 expected, standard deviation 9
        EXPECT_NEAR(count, 100, 46);
    TokenReservoir same(10, 4), narrow(10, 5), other(10, 4);
    ASSERT_TRUE(same.add(at::zeros({3, 2})) && narrow.add(at::zeros({3, 1})) && other.add(at::zeros({3, 2})));
    EXPECT_FALSE(same.merge(other));
    EXPECT_FALSE(same.merge(narrow));
}

TEST(Statistics, ReservoirGoesOnFromItsState) {
    at::manual_seed(3);
    const auto tokens = at::randn({200, 3});
    TokenReservoir whole(16, 9), part(16, 9);
    ASSERT_TRUE(whole.add(tokens) && part.add(tokens.slice(0, 0, 77)));
    auto resumed = TokenReservoir::fromState(part.state());
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_TRUE(resumed->add(tokens.slice(0, 77)));
    EXPECT_TRUE(resumed->sample().equal(whole.sample()));
    EXPECT_EQ(resumed->seen(), 200);
    auto damaged = part.state();
    damaged["kept"] = at::zeros({2, 3});
    EXPECT_FALSE(TokenReservoir::fromState(damaged));
    damaged.erase("seen");
    EXPECT_THAT(TokenReservoir::fromState(damaged).error().text(), ::testing::HasSubstr("seen"));
}

TEST(FeatureMap, TokensAreRowMajorPatches) {
    FeatureMap map;
    map.features = at::arange(12, at::kFloat).reshape({2, 2, 3});
    const auto tokens = map.tokens();
    EXPECT_EQ(tokens.sizes(), at::IntArrayRef({6, 2}));
    EXPECT_TRUE(tokens[4].equal(map.features.select(1, 1).select(1, 1)));
    EXPECT_TRUE(tokens.is_contiguous());
}

TEST(FeatureMap, OriginSurvivesJson) {
    FeatureOrigin origin{.modelPath = "/m",
                         .modelIdentity = "ab",
                         .family = "radio",
                         .imagePath = "/i.png",
                         .imageHash = "cd",
                         .layer = 7,
                         .adaptor = "clip",
                         .dtype = "bfloat16",
                         .device = "cuda:0",
                         .codeVersion = "1.2"};
    const auto read = FeatureOrigin::fromJson(origin.toJson());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->toJson(), origin.toJson());
    EXPECT_EQ(read->layer, 7);
    EXPECT_EQ(FeatureOrigin::fromJson(Json::object())->layer, -1);
    EXPECT_FALSE(FeatureOrigin::fromJson(Json{{"layer", "seven"}}));
}

}  // namespace
}  // namespace vitrine
