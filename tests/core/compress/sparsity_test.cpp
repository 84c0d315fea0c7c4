#include "core/compress/sparsity.h"

#include "tests/core/compress/compress_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(Sparsity, PatternsAreReadAsTheyAreWritten) {
    for (const char* text : {"2:4", "4:8", "1:4", "50%", "33.5%"}) {
        const auto pattern = SparsityPattern::fromText(text);
        ASSERT_TRUE(pattern) << messageOf(pattern);
        EXPECT_EQ(pattern->text(), text);
    }
    EXPECT_THAT(messageOf(SparsityPattern::fromText("half")), HasSubstr("2:4 or 50%, found \"half\""));
    EXPECT_THAT(messageOf(SparsityPattern::fromText("5:4")), HasSubstr("found 5:4"));
    EXPECT_THAT(messageOf(SparsityPattern::fromText("100%")), HasSubstr("below 100%"));
}

TEST(Sparsity, WandaPrunesThePartOfEveryRowThatMattersLeast) {
    at::manual_seed(1);
    const auto weight = at::randn({7, 33}), norm = at::rand({33}) + 0.1;
    const auto mask = wandaMask(weight, norm, SparsityPattern::unstructured(0.4));
    ASSERT_TRUE(mask) << messageOf(mask);
    const auto scores = weight.abs() * norm;
    const auto order = std::get<1>(at::sort(scores, true, 1, false));
    const auto expected = at::ones_like(*mask).scatter(1, order.slice(1, 0, int64_t(33 * 0.4)), 0);
    EXPECT_TRUE(mask->equal(expected));
}

TEST(Sparsity, GroupsKeepTheirLargestAndZeroRowsAreHarmless) {
    auto weight = at::randn({6, 24});
    weight[2].zero_();
    for (const auto& pattern :
         {SparsityPattern::nOfM(2, 4), SparsityPattern::nOfM(4, 8), SparsityPattern::nOfM(1, 4)}) {
        const auto mask = *magnitudeMask(weight, pattern);
        EXPECT_TRUE((mask.reshape({-1, pattern.m}).sum(1) == pattern.n).all().item<bool>()) << pattern.text();
        const auto kept = (weight.abs() * mask).reshape({-1, pattern.m}).sum(1);
        const auto best = std::get<0>(weight.abs().reshape({-1, pattern.m}).topk(pattern.n, 1)).sum(1);
        EXPECT_TRUE(kept.allclose(best)) << pattern.text();
    }
}

TEST(Sparsity, RandomMasksFollowTheSeed) {
    const auto pattern = SparsityPattern::nOfM(2, 4);
    EXPECT_TRUE(randomMask({8, 32}, pattern, 1)->equal(*randomMask({8, 32}, pattern, 1)));
    EXPECT_FALSE(randomMask({8, 32}, pattern, 1)->equal(*randomMask({8, 32}, pattern, 2)));
}

TEST(Sparsity, PermutedOutputsHavePermutedMasks) {
    at::manual_seed(4);
    const auto weight = at::randn({16, 40}), norm = at::rand({40});
    const auto order = at::randperm(16);
    for (const auto& pattern : {SparsityPattern::nOfM(2, 4), SparsityPattern::unstructured(0.5)}) {
        const auto mask = *wandaMask(weight, norm, pattern);
        EXPECT_TRUE(
            wandaMask(weight.index_select(0, order), norm, pattern)->equal(mask.index_select(0, order)));
    }
    // Whole groups of columns may change places too.
    const auto groups = at::randperm(10);
    const auto columns = (groups.unsqueeze(1) * 4 + at::arange(4)).flatten();
    const auto moved = *wandaMask(weight.index_select(1, columns), norm.index_select(0, columns),
                                  SparsityPattern::nOfM(2, 4));
    EXPECT_TRUE(moved.equal(wandaMask(weight, norm, SparsityPattern::nOfM(2, 4))->index_select(1, columns)));
}

TEST(Sparsity, MaskedInputsAreSlicedInputs) {
    at::manual_seed(5);
    const auto weight = at::randn({9, 20}), x = at::randn({6, 20});
    const auto stays = at::tensor({0, 3, 4, 7, 8, 11, 16, 19}, at::kLong);
    auto mask = at::zeros({9, 20});
    mask.index_fill_(1, stays, 1);
    const auto masked = at::linear(x, weight * mask);
    const auto sliced = at::linear(x.index_select(1, stays), weight.index_select(1, stays));
    EXPECT_TRUE(masked.allclose(sliced, 1e-5, 1e-6));
}

TEST(Sparsity, SizesThatDoNotFitAreRefused) {
    EXPECT_THAT(messageOf(magnitudeMask(at::zeros({3, 10}), SparsityPattern::nOfM(2, 4))),
                HasSubstr("10 inputs are no whole groups of 4"));
    EXPECT_THAT(messageOf(wandaMask(at::zeros({3, 8}), at::zeros({4}), SparsityPattern::nOfM(2, 4))),
                HasSubstr("a norm for each of 8 inputs"));
    EXPECT_THAT(messageOf(magnitudeMask(at::zeros({8}), SparsityPattern::nOfM(2, 4))),
                HasSubstr("(outputs, inputs)"));
}

}  // namespace
}  // namespace vitrine
