// Fewer tokens: what must hold whatever the weights are.
#include "core/nn/token_reduction.h"

#include "core/nn/vit_block.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace vitrine::nn {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kWidth = 24, kPrefix = 2;

std::shared_ptr<VitBlock> randomBlock() {
    auto block = std::make_shared<VitBlock>(VitBlockOptions{.width = kWidth, .headCount = 3, .hidden = 40});
    const at::NoGradGuard plain;
    for (at::Tensor& parameter : block->parameters())
        parameter.normal_(0, 0.3);
    return block;
}

at::Tensor attendedBy(const at::Tensor& q, const at::Tensor& k) {
    return (at::matmul(q, k.transpose(-2, -1)) * 0.5).softmax(-1);
}

TEST(TokenReduction, ScheduleEndsAtThePartThatIsKept) {
    for (const TokenMethod method :
         {TokenMethod::Merge, TokenMethod::Attention, TokenMethod::Norm, TokenMethod::Random}) {
        const auto counts = TokenReductionSettings{method, 0.5, 0}.schedule(12, 196);
        ASSERT_EQ(counts.size(), 12u);
        EXPECT_EQ(counts.back(), 98);
        EXPECT_TRUE(std::is_sorted(counts.rbegin(), counts.rend()));
        EXPECT_EQ((TokenReductionSettings{method, 1, 0}.schedule(12, 196)), std::vector<int64_t>(12, 196));
    }
    // Merging takes as many in each block; the others leave at a quarter, a half and three quarters.
    const auto merged = TokenReductionSettings{TokenMethod::Merge, 0.25, 0}.schedule(4, 64);
    EXPECT_THAT(merged, ::testing::ElementsAre(52, 40, 28, 16));
    const auto left = TokenReductionSettings{TokenMethod::Norm, 0.125, 0}.schedule(4, 64);
    EXPECT_THAT(left, ::testing::ElementsAre(64, 32, 16, 8));
    // No block can merge more than half of its tokens, and one always stays.
    const auto few = TokenReductionSettings{TokenMethod::Merge, 0.01, 0}.schedule(2, 64);
    EXPECT_THAT(few, ::testing::ElementsAre(33, 17));
    EXPECT_EQ((TokenReductionSettings{TokenMethod::Norm, 0.001, 0}.schedule(2, 4).back()), 1);
}

// Tokens that are equal may be merged without changing anything: their attention counts them by their size.
TEST(TokenReduction, MergingEqualTokensChangesNothing) {
    const at::NoGradGuard plain;
    at::manual_seed(1);
    const auto first = randomBlock(), second = randomBlock();
    const at::Tensor half = at::randn({2, 8, kWidth});
    // Twins stand beside one another, so that they lie in different halves of the matching.
    const at::Tensor x = at::cat({at::randn({2, kPrefix, kWidth}), half.repeat_interleave(2, 1)}, 1);
    TokenReduction tokens({TokenMethod::Merge, 0.5, 0}, 1, 1, kPrefix, 16);
    const at::Tensor fewer = first->forwardReduced(x, tokens, 0);
    EXPECT_EQ(fewer.size(1), kPrefix + 8);
    EXPECT_LT((tokens.whole(fewer) - first->forward(x)).abs().max().item<double>(), 1e-4);
    // The next block (nothing more is due in it) counts each token by its size.
    const at::Tensor next = second->forwardReduced(fewer, tokens, 0);
    EXPECT_EQ(next.size(1), kPrefix + 8);
    EXPECT_LT((tokens.whole(next) - second->forward(first->forward(x))).abs().max().item<double>(), 1e-4);
}

TEST(TokenReduction, MergedTokensAreMeansOfTheirCells) {
    const at::NoGradGuard plain;
    at::manual_seed(2);
    const at::Tensor x = at::randn({3, kPrefix + 15, kWidth}), keys = at::randn({3, 2, kPrefix + 15, 4});
    TokenReduction tokens({TokenMethod::Merge, 0.4, 0}, 1, 1, kPrefix, 15);
    tokens.look(0, keys, keys, 0.5);
    const at::Tensor fewer = tokens.reduce(x);
    EXPECT_TRUE(at::equal(fewer.narrow(1, 0, kPrefix), x.narrow(1, 0, kPrefix)));
    const at::Tensor whole = tokens.whole(fewer).narrow(1, kPrefix, 15), patches = x.narrow(1, kPrefix, 15);
    for (int64_t row = 0; row < 3; ++row)
        for (int64_t cell = 0; cell < 15; ++cell) {
            // Cells that show the same token: that token is their mean.
            const at::Tensor same = (whole[row] - whole[row][cell]).abs().amax(1) < 1e-6;
            const at::Tensor mean = patches[row].index({same}).mean(0);
            EXPECT_LT((whole[row][cell] - mean).abs().max().item<double>(), 1e-5);
        }
    EXPECT_EQ(tokens.attentionBias()->size(3), fewer.size(1));
    EXPECT_NEAR(tokens.attentionBias()->exp().sum().item<double>(), 3 * (kPrefix + 15), 1e-3);
}

TEST(TokenReduction, ThoseThatLeaveKeepTheirLastState) {
    const at::NoGradGuard plain;
    at::manual_seed(3);
    const at::Tensor x = at::randn({2, kPrefix + 10, kWidth});
    TokenReduction tokens({TokenMethod::Norm, 0.3, 0}, 1, 1, kPrefix, 10);
    tokens.look(0, x.unsqueeze(1), x.unsqueeze(1), 1);
    const at::Tensor fewer = tokens.reduce(x);
    ASSERT_EQ(fewer.size(1), kPrefix + 3);
    EXPECT_TRUE(at::equal(tokens.whole(fewer), x));
    // The largest stay, in their order; what they become is put in their places.
    const at::Tensor changed = tokens.whole(fewer + 1) - x;
    const at::Tensor norms = x.narrow(1, kPrefix, 10).norm(2, {2});
    for (int64_t row = 0; row < 2; ++row) {
        const at::Tensor moved = changed[row].narrow(0, kPrefix, 10).select(1, 0) > 0.5;
        EXPECT_EQ(moved.sum().item<int64_t>(), 3);
        EXPECT_GE(norms[row].index({moved}).min().item<double>(),
                  norms[row].index({moved.logical_not()}).max().item<double>());
    }
}

TEST(TokenReduction, AttentionKeepsWhatTheClassTokensLookAt) {
    const at::NoGradGuard plain;
    at::manual_seed(4);
    const at::Tensor x = at::randn({2, kPrefix + 12, kWidth}), q = at::randn({2, 3, kPrefix + 12, 8}),
                     k = at::randn({2, 3, kPrefix + 12, 8});
    TokenReduction tokens({TokenMethod::Attention, 0.5, 0}, 1, 1, kPrefix, 12);
    tokens.look(0, q, k, 0.5);
    const at::Tensor changed = tokens.whole(tokens.reduce(x) + 1) - x;
    // The first prefix token is the class token, the second a register that does not vote.
    const at::Tensor looks = attendedBy(q, k).mean(1).select(1, 0).narrow(1, kPrefix, 12);
    for (int64_t row = 0; row < 2; ++row) {
        const at::Tensor stays = changed[row].narrow(0, kPrefix, 12).select(1, 0) > 0.5;
        EXPECT_EQ(stays.sum().item<int64_t>(), 6);
        EXPECT_GE(looks[row].index({stays}).min().item<double>(),
                  looks[row].index({stays.logical_not()}).max().item<double>());
    }
}

TEST(TokenReduction, RandomIsTheSameForEqualSeeds) {
    const at::NoGradGuard plain;
    at::manual_seed(5);
    const at::Tensor x = at::randn({2, kPrefix + 20, kWidth});
    const auto kept = [&](uint64_t seed) {
        TokenReduction tokens({TokenMethod::Random, 0.5, seed}, 1, 1, kPrefix, 20);
        tokens.look(0, x.unsqueeze(1), x.unsqueeze(1), 1);
        return tokens.reduce(x);
    };
    EXPECT_TRUE(at::equal(kept(7), kept(7)));
    EXPECT_FALSE(at::equal(kept(7), kept(8)));
}

TEST(TokenReduction, ReadsWhatItWrites) {
    const TokenReductionSettings settings{TokenMethod::Attention, 0.7, 3};
    const auto read = TokenReductionSettings::fromConfig({{"token_reduction", settings.json()}});
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((*read)->method, settings.method);
    EXPECT_EQ((*read)->kept, settings.kept);
    EXPECT_EQ((*read)->seed, settings.seed);
    EXPECT_FALSE(*TokenReductionSettings::fromConfig(Json::object()));
    const auto wrong = [](const Json& entry) {
        const auto read = TokenReductionSettings::fromConfig({{"token_reduction", entry}});
        return read ? std::string() : read.error().text();
    };
    EXPECT_THAT(wrong({{"method", "fuse"}, {"kept", 0.5}}), HasSubstr("One of: merge"));
    EXPECT_THAT(wrong({{"method", "merge"}, {"kept", 0}}), HasSubstr("config.json/token_reduction"));
    EXPECT_THAT(wrong({{"method", "merge"}}), HasSubstr("kept"));
}

}  // namespace
}  // namespace vitrine::nn
