#include "core/features/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

at::Tensor rotation(int64_t size) {
    return std::get<0>(at::linalg_qr(at::randn({size, size}, at::kDouble)));
}

TEST(Cka, IgnoresRotationScaleAndShift) {
    at::manual_seed(1);
    const auto x = at::randn({50, 8}, at::kDouble);
    EXPECT_NEAR(*linearCka(x, 3 * x.matmul(rotation(8)) + 5), 1, 1e-10);
    EXPECT_LT(*linearCka(x, at::randn({50, 8}, at::kDouble)), 0.5);
    const double forward = *linearCka(x, x.square()), backward = *linearCka(x.square(), x);
    EXPECT_NEAR(forward, backward, 1e-12);
    EXPECT_FALSE(linearCka(x, at::ones({50, 3})));
    EXPECT_THAT(linearCka(x, at::randn({49, 3})).error().text(), HasSubstr("50 samples against 49"));
}

TEST(Cka, TwoSamplesByHand) {
    // Centred columns +-1 and +-2: both Gram matrices are rank one, so the spaces are the same.
    EXPECT_NEAR(*linearCka(at::tensor({1., -1.}).reshape({2, 1}), at::tensor({2., -2.}).reshape({2, 1})), 1,
                1e-12);
    // x = (1,0,-1), y = (1,-2,1) are orthogonal after centring.
    EXPECT_NEAR(
        *linearCka(at::tensor({1., 0., -1.}).reshape({3, 1}), at::tensor({1., -2., 1.}).reshape({3, 1})), 0,
        1e-12);
}

TEST(Cka, MinibatchesAgreeWithTheWholeAndAreUnbiased) {
    at::manual_seed(2);
    const auto x = at::randn({512, 6}, at::kDouble), other = at::randn({512, 40}, at::kDouble);
    const auto y = x.matmul(rotation(6)) + 0.5 * at::randn({512, 6}, at::kDouble);
    MinibatchCka cka(2, 2);
    for (int64_t start = 0; start < 512; start += 32)
        ASSERT_TRUE(cka.add({x.slice(0, start, start + 32), other.slice(0, start, start + 32)},
                            {y.slice(0, start, start + 32), x.slice(0, start, start + 32)}));
    const auto matrix = *cka.matrix();
    EXPECT_NEAR(matrix[0][1].item<double>(), 1, 1e-10);
    EXPECT_NEAR(matrix[0][0].item<double>(), *linearCka(x, y), 0.05);
    // Unrelated layers give about zero although a batch has fewer samples than channels (plain CKA would
    // not).
    EXPECT_LT(std::abs(matrix[1][1].item<double>()), 0.06);
    EXPECT_GT(*linearCka(x.slice(0, 0, 32), other.slice(0, 0, 32)), 0.2);
    EXPECT_FALSE(MinibatchCka(1, 1).matrix());
    EXPECT_THAT(
        cka.add({x.slice(0, 0, 3), x.slice(0, 0, 3)}, {x.slice(0, 0, 3), x.slice(0, 0, 3)}).error().text(),
        HasSubstr("at least 4 samples"));
}

TEST(Disagreement, IsZeroWhereALinearMapExplainsAndLargeWhereNot) {
    at::manual_seed(3);
    const auto a = at::randn({6, 12, 12}, at::kDouble);
    auto b = at::einsum("dc,chw->dhw", {at::randn({9, 6}, at::kDouble), a}) + 1;
    const auto same = disagreement(a, b, {.ridge = 0});
    ASSERT_TRUE(same);
    EXPECT_LT(same->error.max().item<double>(), 1e-9);
    EXPECT_NEAR(same->explained, 1, 1e-9);
    b.select(1, 4).select(1, 7).add_(10);
    const auto changed = disagreement(a, b);
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->ranked[0].item<int64_t>(), 4 * 12 + 7);
    EXPECT_GT(changed->error[4][7].item<double>(), 10 * changed->error.median().item<double>());
    EXPECT_LT(changed->explained, 1);
}

TEST(Disagreement, BringsGridsTogether) {
    at::manual_seed(4);
    const auto coarse = at::randn({4, 5, 6}, at::kDouble);
    const auto fine = coarse.repeat_interleave(2, 1).repeat_interleave(3, 2);
    const auto found = disagreement(fine, 2 * coarse, {.ridge = 0});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->error.sizes(), at::IntArrayRef({5, 6}));
    EXPECT_LT(found->error.max().item<double>(), 1e-9);
}

TEST(Disagreement, BothSolversAgree) {
    at::manual_seed(5);
    const auto x = at::randn({20, 20}, at::kDouble), y = at::randn({20, 3}, at::kDouble);
    const auto tall = fitLinearMap(x, y, 0.1);
    // A 21st channel of zeros takes the other branch and lowers the mean eigenvalue by 20/21.
    const auto wide = fitLinearMap(at::cat({x, at::zeros({20, 1}, at::kDouble)}, 1), y, 0.1 * 21 / 20);
    ASSERT_TRUE(tall && wide);
    EXPECT_TRUE(at::allclose(tall->weight, wide->weight.slice(1, 0, 20), 1e-6, 1e-8));
}

}  // namespace
}  // namespace vitrine
