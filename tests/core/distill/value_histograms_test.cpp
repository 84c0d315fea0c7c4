#include "core/distill/value_histograms.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace vitrine {
namespace {

void add(ValueHistograms& histograms, const at::Tensor& rows) {
    histograms.add(rows, rows.amin(0), rows.amax(0));
}

int64_t totalOf(const ChannelHistogram& histogram) {
    return std::accumulate(histogram.counts.begin(), histogram.counts.end(),
                           histogram.below + histogram.above);
}

// Plain counts of one channel over the histogram's own range.
std::vector<int64_t> countsByHand(const at::Tensor& values, const ChannelHistogram& like) {
    std::vector<int64_t> counts(like.counts.size(), 0);
    for (int64_t index = 0; index < values.numel(); ++index) {
        const double place =
            (values[index].item<double>() - like.low) / (like.high - like.low) * double(counts.size());
        ++counts[std::min(counts.size() - 1, size_t(place))];
    }
    return counts;
}

TEST(ValueHistograms, AutomaticRangesGiveTheCountsOfASecondPass) {
    at::manual_seed(1);
    auto x = at::randn({300, 3}) * at::tensor({0.01, 1., 30.}) + at::tensor({0., 0.5, -20.});
    x[299][1] = 700;  // grows the range late
    ValueHistograms histograms(64);
    for (int64_t start = 0; start < 300; start += 50)
        add(histograms, x.slice(0, start, start + 50));
    for (int64_t channel = 0; channel < 3; ++channel) {
        const auto histogram = histograms.channel(channel);
        EXPECT_EQ(histogram.high, -histogram.low);
        EXPECT_LE(histogram.low, x.select(1, channel).min().item<double>());
        EXPECT_GE(histogram.high, x.select(1, channel).max().item<double>());
        EXPECT_EQ(histogram.counts, countsByHand(x.select(1, channel), histogram));
    }
    EXPECT_EQ(histograms.channel(1).high, 1024);
    const auto all = histograms.all();
    EXPECT_EQ(all.high, 1024);
    EXPECT_EQ(all.counts, countsByHand(x.flatten(), all));
}

TEST(ValueHistograms, PowersOfTwoAtTheEdges) {
    ValueHistograms histograms(4);
    add(histograms, at::tensor({-2.f, 0.f, 1.f}).reshape({3, 1}));
    const auto low = histograms.channel(0);  // -2 fits into [-2, 2)
    EXPECT_EQ(low.high, 2);
    EXPECT_THAT(low.counts, ::testing::ElementsAre(1, 0, 1, 1));
    add(histograms, at::tensor({2.f}).reshape({1, 1}));  // 2 does not
    const auto wide = histograms.channel(0);
    EXPECT_EQ(wide.high, 4);
    EXPECT_THAT(wide.counts, ::testing::ElementsAre(0, 1, 2, 1));
}

TEST(ValueHistograms, PartsJoinToTheWholeInAnyOrder) {
    at::manual_seed(2);
    const auto x = at::randn({200, 5}, at::kDouble) * at::tensor({1., 2., 4., 8., 0.}, at::kDouble);
    ValueHistograms whole(32), left(32), right(32), other(16);
    add(whole, x);
    add(left, x.slice(0, 0, 60) * 1);
    add(right, x.slice(0, 60));
    ASSERT_TRUE(right.merge(left));
    for (int64_t channel = 0; channel < 5; ++channel)
        EXPECT_EQ(right.channel(channel).counts, whole.channel(channel).counts);
    EXPECT_FALSE(other.merge(whole));
    ValueHistograms narrow(32);
    add(narrow, x.slice(1, 0, 2));
    EXPECT_EQ(narrow.merge(whole).error().code, ErrorCode::ShapeMismatch);
    // A copy is its own.
    ValueHistograms copy(whole);
    add(copy, x);
    EXPECT_EQ(totalOf(whole.channel(0)), 200);
    EXPECT_EQ(totalOf(copy.channel(0)), 400);
}

TEST(ValueHistograms, FixedRangesCountWhatLiesOutside) {
    ValueHistograms histograms(4, std::pair(0., 1.));
    add(histograms, at::tensor({-0.5f, 0.f, 0.3f, 1.f, 1.5f, 7.f}).reshape({6, 1}));
    const auto histogram = histograms.channel(0);
    EXPECT_EQ(histogram.below, 1);
    EXPECT_EQ(histogram.above, 2);
    EXPECT_THAT(histogram.counts, ::testing::ElementsAre(1, 1, 0, 1));
    EXPECT_EQ(histograms.all().above, 2);
}

TEST(ValueHistograms, StateGoesOnAndDamageIsNamed) {
    at::manual_seed(3);
    const auto x = at::randn({100, 2});
    ValueHistograms whole(8), part(8);
    add(whole, x);
    add(part, x.slice(0, 0, 40));
    auto resumed = ValueHistograms::fromState(part.state());
    ASSERT_TRUE(resumed) << resumed.error().text();
    add(*resumed, x.slice(0, 40));
    EXPECT_EQ(resumed->channel(1).counts, whole.channel(1).counts);
    ASSERT_TRUE(ValueHistograms::fromState(ValueHistograms(8, std::pair(1., 2.)).state())->range());
    for (const char* name : {"setup", "below", "exponents"}) {
        auto damaged = part.state();
        damaged[name] = at::zeros({7});
        EXPECT_THAT(ValueHistograms::fromState(damaged).error().text(), ::testing::HasSubstr(name));
    }
    auto damaged = part.state();
    damaged["exponents"] = at::full({2}, 1 << 20, at::kInt);
    EXPECT_FALSE(ValueHistograms::fromState(damaged));
}

}  // namespace
}  // namespace vitrine
