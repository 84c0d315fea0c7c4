#include "core/eval/correspondence.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

// Every place of the plain map differs from all others.
at::Tensor places(int64_t height, int64_t width) {
    return at::randn({64, height, width}, at::detail::createCPUGenerator(3), at::TensorOptions());
}

TEST(Correspondence, MapsOfTheSamePictureAgree) {
    const at::Tensor map = places(6, 9);
    const auto count = countCorrespondences(map, map, {}, 0.5);
    ASSERT_TRUE(count);
    EXPECT_EQ(count->all, 54);
    EXPECT_EQ(count->right, 54);
}

TEST(Correspondence, FollowsTheWarpThatThePictureWentThrough) {
    // A quarter turn of a square map takes cells to cells: row r, column c of the warped one is the plain
    // one's place that the matrix says.
    const at::Tensor map = places(8, 8);
    const KnownWarp turn{1, 90};
    const at::Tensor warped = turn.apply(map.unsqueeze(0))[0];
    const auto count = countCorrespondences(map, warped, turn, 0.5);
    ASSERT_TRUE(count);
    EXPECT_EQ(count->all, 64);
    EXPECT_EQ(count->right, 64);
    const auto wrong = countCorrespondences(map, warped, {1, -90}, 0.5);
    ASSERT_TRUE(wrong);
    EXPECT_LT(wrong->right, 8);
}

TEST(Correspondence, PlacesOutsideThePictureDoNotCount) {
    const at::Tensor map = places(10, 10);
    const auto turned = countCorrespondences(map, map, {1, 45}, 1);
    ASSERT_TRUE(turned);
    EXPECT_LT(turned->all, 100);
    const auto inner = countCorrespondences(map, map, {0.5, 45}, 1);
    ASSERT_TRUE(inner);
    EXPECT_EQ(inner->all, 100);
}

TEST(Correspondence, ConstantMapsAreAsGoodAsChance) {
    const at::Tensor flat = at::ones({4, 8, 8});
    const auto count = countCorrespondences(flat, flat, {}, 1);
    ASSERT_TRUE(count);
    EXPECT_LE(count->right, 5);
}

TEST(Correspondence, RefusesMapsOfTwoShapes) {
    const auto count = countCorrespondences(places(4, 4), places(4, 5), {}, 1);
    ASSERT_FALSE(count);
    EXPECT_EQ(count.error().code, ErrorCode::ShapeMismatch);
}

}  // namespace
}  // namespace vitrine
