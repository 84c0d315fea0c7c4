#include "core/features/token_merging.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

at::Tensor random(at::IntArrayRef sizes, uint64_t seed) {
    return at::randn(sizes, at::detail::createCPUGenerator(seed), at::TensorOptions());
}

// The definition, token by token, in double.
struct Reference {
    std::vector<std::vector<double>> tokens;
    std::vector<int64_t> cells, sizes, place;
};

Reference mergedByDefinition(const at::Tensor& features, int64_t kept) {
    const int64_t channels = features.size(0), height = features.size(1), width = features.size(2),
                  total = height * width;
    const at::Tensor rows = features.flatten(1).t().to(at::kDouble).contiguous();
    const auto value = [&](int64_t token, int64_t channel) {
        return rows.const_data_ptr<double>()[token * channels + channel];
    };
    const auto cosine = [&](int64_t a, int64_t b) {
        double product = 0, left = 0, right = 0;
        for (int64_t c = 0; c < channels; ++c) {
            product += value(a, c) * value(b, c);
            left += value(a, c) * value(a, c);
            right += value(b, c) * value(b, c);
        }
        return product / std::sqrt(left * right);
    };
    int64_t stride = 1;
    while (((height + stride - 1) / stride) * ((width + stride - 1) / stride) > kept)
        ++stride;
    std::vector<int64_t> sources, destinations;
    for (int64_t cell = 0; cell < total; ++cell)
        (cell / width % stride == 0 && cell % width % stride == 0 ? destinations : sources).push_back(cell);
    std::vector<size_t> best(sources.size());
    std::vector<double> likeness(sources.size(), -2);
    for (size_t s = 0; s < sources.size(); ++s)
        for (size_t d = 0; d < destinations.size(); ++d)
            if (const double c = cosine(sources[s], destinations[d]); c > likeness[s]) {
                likeness[s] = c;
                best[s] = d;
            }
    std::vector<size_t> order(sources.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return likeness[a] > likeness[b]; });
    const size_t going = size_t(total - kept);
    std::vector<bool> gone(sources.size(), false);
    std::vector<std::vector<int64_t>> members(destinations.size());
    for (size_t d = 0; d < destinations.size(); ++d)
        members[d] = {destinations[d]};
    for (size_t i = 0; i < going; ++i) {
        gone[order[i]] = true;
        members[best[order[i]]].push_back(sources[order[i]]);
    }
    Reference out;
    out.place.resize(size_t(total));
    const auto add = [&](const std::vector<int64_t>& group) {
        std::vector<double> mean(size_t(channels), 0.0);
        for (const int64_t token : group) {
            out.place[size_t(token)] = int64_t(out.tokens.size());
            for (int64_t c = 0; c < channels; ++c)
                mean[size_t(c)] += value(token, c) / double(group.size());
        }
        out.tokens.push_back(mean);
        out.cells.push_back(group.front());
        out.sizes.push_back(int64_t(group.size()));
    };
    for (size_t s = 0; s < sources.size(); ++s)
        if (!gone[s])
            add({sources[s]});
    for (const auto& group : members)
        add(group);
    return out;
}

std::vector<int64_t> listOf(const at::Tensor& values) {
    return {values.const_data_ptr<int64_t>(), values.const_data_ptr<int64_t>() + values.numel()};
}

TEST(TokenMerging, IsTheDefinition) {
    const struct {
        int64_t channels, height, width, kept;
    } cases[] = {{8, 6, 6, 9}, {8, 6, 6, 14}, {16, 7, 5, 6}, {16, 7, 5, 34}, {4, 9, 3, 1}, {3, 1, 8, 3}};
    for (const auto& one : cases) {
        const at::Tensor features = random({one.channels, one.height, one.width}, uint64_t(one.kept));
        const auto merged = mergeTokens(features, {.kept = one.kept});
        ASSERT_TRUE(merged) << merged.error().text();
        const Reference expected = mergedByDefinition(features, one.kept);
        EXPECT_EQ(listOf(merged->cells), expected.cells);
        EXPECT_EQ(listOf(merged->sizes), expected.sizes);
        EXPECT_EQ(listOf(merged->place), expected.place);
        ASSERT_EQ(merged->tokens.size(0), one.kept);
        for (int64_t token = 0; token < one.kept; ++token)
            for (int64_t channel = 0; channel < one.channels; ++channel)
                ASSERT_NEAR(merged->tokens[token][channel].item<double>(),
                            expected.tokens[size_t(token)][size_t(channel)], 1e-5);
    }
}

TEST(TokenMerging, LosesNoTokenAndKeepsEveryRegion) {
    const at::Tensor features = random({12, 16, 12}, 4);
    for (const bool randomPlaces : {false, true})
        for (const int64_t kept : {1, 5, 12, 48, 100, 191}) {
            const auto merged =
                mergeTokens(features, {.kept = kept, .randomPlaces = randomPlaces, .seed = 3});
            ASSERT_TRUE(merged);
            EXPECT_EQ(merged->sizes.sum().item<int64_t>(), 16 * 12);
            EXPECT_GE(merged->sizes.min().item<int64_t>(), 1);
            // The mean of all tokens is that of the merged ones, counted by their sizes.
            const at::Tensor sum = (merged->tokens * merged->sizes.unsqueeze(1)).sum(0);
            EXPECT_TRUE(at::allclose(sum, features.sum({1, 2}), 1e-4, 1e-3));
            // A cell's own token is that of the merged one that stands in it.
            EXPECT_TRUE(at::equal(merged->place.index_select(0, merged->cells), at::arange(kept)));
            int64_t stride = 1;
            while (((16 + stride - 1) / stride) * ((12 + stride - 1) / stride) > kept)
                ++stride;
            std::set<std::pair<int64_t, int64_t>> regions;
            for (const int64_t cell : listOf(merged->cells))
                regions.insert({cell / 12 / stride, cell % 12 / stride});
            EXPECT_EQ(int64_t(regions.size()), ((16 + stride - 1) / stride) * ((12 + stride - 1) / stride));
        }
}

TEST(TokenMerging, AllTokensStayWhereAllAreWanted) {
    const at::Tensor features = random({5, 4, 6}, 1);
    for (const int64_t kept : {24, 1000}) {
        const auto merged = mergeTokens(features, {.kept = kept});
        ASSERT_TRUE(merged);
        EXPECT_TRUE(at::equal(merged->unmerged(), features));
        EXPECT_TRUE(at::equal(merged->logitBias(), at::zeros({24})));
    }
}

TEST(TokenMerging, CountedTokensAreAttendedToLikeAllOfThem) {
    // Four equal tokens each: merged, nothing is lost, and attention by size is that to every token.
    const at::Tensor features = random({8, 3, 3}, 2).repeat_interleave(2, 1).repeat_interleave(2, 2);
    const auto merged = mergeTokens(features, {.kept = 9});
    ASSERT_TRUE(merged);
    EXPECT_TRUE(at::allclose(merged->unmerged(), features, 1e-5, 1e-5));
    const at::Tensor query = random({1, 8}, 9), all = features.flatten(1).t();
    const auto attended = [&](const at::Tensor& tokens, const at::Tensor& bias) {
        return (query.matmul(tokens.t()) + bias).softmax(1).matmul(tokens);
    };
    const at::Tensor expected = attended(all, at::zeros({36}));
    EXPECT_TRUE(at::allclose(attended(merged->tokens, merged->logitBias()), expected, 1e-4, 1e-5));
    // One of three unequal sizes shows that the sizes matter.
    const auto uneven = mergeTokens(at::cat({features, features.narrow(2, 0, 2)}, 2), {.kept = 18});
    ASSERT_TRUE(uneven);
    EXPECT_GT((attended(uneven->tokens, uneven->logitBias()) - attended(uneven->tokens, at::zeros({18})))
                  .abs()
                  .max()
                  .item<double>(),
              1e-3);
}

// Large flat regions whose borders do not follow the grid of the means, and small things on them.
TEST(TokenMerging, BeatsPoolingAndChanceOnPicturesWithFlatRegions) {
    for (const int64_t count : {64, 28, 16}) {
        double merged = 0, pooled = 0, kept = 0;
        for (uint64_t picture = 0; picture < 8; ++picture) {
            at::Tensor features = random({24, 1, 1}, picture).expand({24, 16, 16}).clone();
            const at::Tensor other = random({24}, 100 + picture);
            for (int64_t row = 0; row < 16; ++row)
                features.select(1, row)
                    .narrow(1, 0, 3 + row / 2 + int64_t(picture % 3))
                    .copy_(other.unsqueeze(1).expand({24, 3 + row / 2 + int64_t(picture % 3)}));
            features = features + 0.1 * random({24, 16, 16}, 50 + picture);
            merged +=
                compressionLoss(features, mergeTokens(features, {.kept = count})->unmerged()).cosine / 8;
            pooled += compressionLoss(features, *averagePooled(features, count)).cosine / 8;
            kept += compressionLoss(features, *randomlyKept(features, count, picture)).cosine / 8;
        }
        EXPECT_GT(merged, pooled + 0.01) << count;
        EXPECT_GT(merged, kept) << count;
    }
}

TEST(TokenMerging, PoolingIsTheMeanOfItsField) {
    const at::Tensor features = random({3, 8, 12}, 1);
    const auto pooled = averagePooled(features, 24);  // 4 x 6
    ASSERT_TRUE(pooled);
    EXPECT_TRUE(
        at::allclose(*pooled, at::avg_pool2d(features, 2).repeat_interleave(2, 1).repeat_interleave(2, 2)));
    EXPECT_TRUE(at::allclose(*averagePooled(features, 1), features.mean({1, 2}, true).expand({3, 8, 12}),
                             1e-5, 1e-6));
    const CompressionLoss none = compressionLoss(features, features);
    EXPECT_NEAR(none.cosine, 1, 1e-6);
    EXPECT_EQ(none.error, 0);
    EXPECT_NEAR(compressionLoss(features, *averagePooled(features, 1)).error, 1, 1e-5);
}

TEST(TokenMerging, RefusesWhatCannotBe) {
    EXPECT_THAT(mergeTokens(random({3, 4, 4}, 1), {.kept = 0}).error().text(), HasSubstr("at least one"));
    EXPECT_THAT(averagePooled(random({3, 4, 4}, 1), -1).error().text(), HasSubstr("at least one"));
    at::Tensor broken = random({3, 4, 4}, 1);
    broken[1][2][3] = NAN;
    EXPECT_FALSE(mergeTokens(broken, {.kept = 4}));
    EXPECT_FALSE(mergeTokens(random({3, 4}, 1), {.kept = 4}));
}

}  // namespace
}  // namespace vitrine
