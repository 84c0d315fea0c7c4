#include "core/distill/hadamard.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

double identityError(const at::Tensor& product) {
    return (product - at::eye(product.size(0), at::kDouble)).abs().max().item<double>();
}

TEST(Hadamard, OrdersOfPublishedModelsAreOrthogonal) {
    for (const int64_t order :
         {1, 2, 4, 12, 16, 20, 36, 44, 48, 64, 96, 192, 384, 768, 1024, 1152, 1280, 1408, 1536}) {
        ASSERT_TRUE(hadamardOrderExists(order)) << order;
        const auto signs = hadamardSigns(order);
        ASSERT_TRUE(signs) << signs.error().text();
        EXPECT_TRUE(signs->abs().eq(1).all().item<bool>()) << order;
        // Products of +-1 up to 1536 are exact in float32.
        const auto matrix = signs->to(at::kFloat);
        const auto expected = double(order) * at::eye(order, at::kFloat);
        EXPECT_TRUE(matrix.matmul(matrix.t()).equal(expected)) << order;
        const auto rotation = HadamardRotation::make(order);
        ASSERT_TRUE(rotation);
        EXPECT_TRUE(rotation->plan().exact());
        EXPECT_LE((rotation->matrix() - signs->to(at::kDouble) / std::sqrt(double(order)))
                      .abs()
                      .max()
                      .item<double>(),
                  1e-14)
            << order;
    }
}

TEST(Hadamard, EveryOrderUpTo300IsEitherOrthogonalOrRefused) {
    int64_t missing = 0;
    for (int64_t order = 1; order <= 300; ++order) {
        const auto signs = hadamardSigns(order);
        EXPECT_EQ(signs.has_value(), hadamardOrderExists(order)) << order;
        if (!signs) {
            missing += order % 4 == 0;
            EXPECT_EQ(signs.error().code, ErrorCode::Unsupported);
            continue;
        }
        EXPECT_TRUE(order <= 2 || order % 4 == 0) << order;
        const auto matrix = signs->to(at::kFloat);
        EXPECT_TRUE(matrix.matmul(matrix.t()).equal(double(order) * at::eye(order, at::kFloat))) << order;
    }
    // 52 = 2 (5² + 1) needs a field of 25 elements, 92 is Baumert's, ...
    EXPECT_FALSE(hadamardOrderExists(52));
    EXPECT_FALSE(hadamardOrderExists(92));
    EXPECT_GT(missing, 2);
    EXPECT_LT(missing, 25);
}

TEST(Hadamard, PlansAreThoseOfTheSpecification) {
    EXPECT_EQ(hadamardPlan(1024).text(), "Sylvester(1024)");
    EXPECT_EQ(hadamardPlan(48).text(), "Sylvester(4) x Paley I(12)");
    EXPECT_EQ(hadamardPlan(768).text(), "Sylvester(64) x Paley I(12)");
    EXPECT_EQ(hadamardPlan(1152).text(), "Sylvester(32) x Paley II(36)");
    EXPECT_EQ(hadamardPlan(1280).text(), "Sylvester(64) x Paley I(20)");
    EXPECT_EQ(hadamardPlan(1408).text(), "Sylvester(32) x Paley I(44)");
    EXPECT_EQ(hadamardPlan(1536).text(), "Sylvester(128) x Paley I(12)");
    EXPECT_EQ(hadamardPlan(36).text(), "Paley II(36)");
    EXPECT_EQ(hadamardPlan(52).text(), "random orthogonal(52)");
}

TEST(Hadamard, RotatingIsTheMatrixProduct) {
    at::manual_seed(1);
    for (const int64_t order : {1, 2, 8, 12, 36, 40, 52, 7, 320}) {
        const auto rotation = HadamardRotation::make(order, 3);
        ASSERT_TRUE(rotation);
        const auto x = at::randn({3, 5, order}, at::kDouble);
        const auto matrix = rotation->matrix();
        EXPECT_LE(identityError(matrix.matmul(matrix.t())), 1e-13) << order;
        EXPECT_LE((rotation->rotate(x) - x.matmul(matrix.t())).abs().max().item<double>(), 1e-12) << order;
        EXPECT_LE((rotation->rotateBack(rotation->rotate(x)) - x).abs().max().item<double>(), 1e-12) << order;
        EXPECT_EQ(rotation->rotate(x.to(at::kBFloat16)).scalar_type(), at::kFloat);
    }
}

TEST(Hadamard, RandomRotationsAreMarkedAndRepeatable) {
    const auto one = HadamardRotation::make(52, 7), same = HadamardRotation::make(52, 7),
               other = HadamardRotation::make(52, 8);
    EXPECT_EQ(one->plan().family, HadamardFamily::RandomOrthogonal);
    EXPECT_FALSE(one->plan().exact());
    EXPECT_TRUE(one->matrix().equal(same->matrix()));
    EXPECT_GT((one->matrix() - other->matrix()).abs().max().item<double>(), 0.1);
    // A singular matrix of signs must still give an orthogonal one: with three rows many seeds have one.
    for (uint64_t seed = 0; seed < 40; ++seed) {
        const auto matrix = HadamardRotation::make(3, seed)->matrix();
        EXPECT_LE(identityError(matrix.matmul(matrix.t())), 1e-13) << seed;
    }
    EXPECT_FALSE(HadamardRotation::make(0));
    EXPECT_FALSE(hadamardOrderExists(0));
    EXPECT_FALSE(hadamardOrderExists(-4));
}

}  // namespace
}  // namespace vitrine
