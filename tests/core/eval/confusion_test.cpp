#include "core/eval/confusion.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(ConfusionMatrix, GivesIntersectionOverUnionByHand) {
    ConfusionMatrix matrix(3);
    // Class 0: three times right, once taken for 1. Class 1: once right. Class 2 never occurs. 255 is no
    // label.
    ASSERT_TRUE(matrix.add(at::tensor({0, 0, 0, 0, 1, 255}), at::tensor({0, 0, 0, 1, 1, 2})));
    EXPECT_EQ(matrix.total(), 5);
    EXPECT_DOUBLE_EQ(matrix.accuracy(), 0.8);
    const auto scores = matrix.intersectionOverUnion();
    EXPECT_DOUBLE_EQ(scores[0].value(), 0.75);
    EXPECT_DOUBLE_EQ(scores[1].value(), 0.5);
    EXPECT_FALSE(scores[2]);
    EXPECT_DOUBLE_EQ(matrix.meanIntersectionOverUnion(), 0.625);
    ASSERT_TRUE(matrix.add(at::tensor({2}), at::tensor({0})));  // adds up; class 2 now counts, with 0
    EXPECT_DOUBLE_EQ(matrix.intersectionOverUnion()[0].value(), 0.6);
    EXPECT_DOUBLE_EQ(matrix.intersectionOverUnion()[2].value(), 0);
}

TEST(ConfusionMatrix, RefusesWhatIsNoClass) {
    ConfusionMatrix matrix(2);
    EXPECT_EQ(matrix.add(at::tensor({0}), at::tensor({2})).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(matrix.add(at::tensor({0, 1}), at::tensor({0})).error().code, ErrorCode::ShapeMismatch);
    EXPECT_EQ(matrix.total(), 0);
    EXPECT_EQ(matrix.meanIntersectionOverUnion(), 0);
}

}  // namespace
}  // namespace vitrine
