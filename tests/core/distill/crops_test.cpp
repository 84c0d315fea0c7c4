#include "core/distill/crops.h"

#include "core/distill/picture_source.h"

#include <gmock/gmock.h>

#include <set>

namespace vitrine {
namespace {

TEST(Shift, DrawsFollowTheQuantisedNormal) {
    int64_t zero = 0, one = 0;
    constexpr int64_t kDraws = 4000;
    for (int64_t step = 0; step < kDraws; ++step) {
        const CellShift shift = drawShift(1, step, "student", 0.5, 2);
        zero += shift.row == 0;
        one += shift.row == 1;
        EXPECT_LE(std::abs(shift.column), 2);
    }
    // P(|N(0, 1/2)| < 1/2) = 0.683, P(1/2..3/2) = 0.157.
    EXPECT_NEAR(double(zero) / kDraws, 0.683, 0.03);
    EXPECT_NEAR(double(one) / kDraws, 0.157, 0.03);
    EXPECT_EQ(drawShift(1, 7, "a", 1, 3).row, drawShift(1, 7, "a", 1, 3).row);
}

TEST(Shift, CropShowsTheCellsOfItsOffset) {
    const at::Tensor canvas = at::arange(3 * 12 * 12).view({1, 3, 12, 12}).to(at::kFloat);
    const at::Tensor crop = shiftedCrop(canvas, 8, {1, -1}, 2, 2);
    EXPECT_TRUE(at::equal(crop, canvas.narrow(2, 4, 8).narrow(3, 0, 8)));
}

TEST(Mosaic, PublishedNumbers) {
    // 432 pixels on a canvas of 1024 with tokens of 16: k = 2, cells of 32 tokens, 27 of them covered.
    const Mosaic large = mosaicFor(1024, 16, 432);
    EXPECT_EQ(large.perSide, 2);
    EXPECT_EQ(large.cell, 32);
    EXPECT_EQ(large.picture, 27);
    EXPECT_EQ(mosaicFor(1024, 16, 256).perSide, 4);
}

TEST(Mosaic, CutsBackWhatWasComposed) {
    const Mosaic mosaic = mosaicFor(40, 4, 16);
    const at::Tensor pictures = at::rand({5, 3, 16, 16});
    const at::Tensor canvases = composeMosaic(pictures, mosaic, 40);
    EXPECT_EQ(canvases.size(0), 2);
    // A "teacher" whose token is the mean of its pixels.
    const at::Tensor features = at::avg_pool2d(canvases, 4);
    EXPECT_TRUE(at::allclose(cutMosaic(features, mosaic, 5), at::avg_pool2d(pictures, 4), 1e-6, 1e-6));
}

TEST(BatchIndices, EachEpochShowsEveryPictureOnce) {
    BatchIndices indices(10, 3);
    // Written down: another order would make other batches of runs that were stopped before.
    EXPECT_THAT(indices.batch(8, 4), ::testing::ElementsAre(7, 9, 6, 2));
    const auto first = indices.batch(0, 10), second = indices.batch(10, 10);
    EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), 10u);
    EXPECT_EQ(std::set<int64_t>(second.begin(), second.end()).size(), 10u);
    EXPECT_NE(first, second);
    const auto across = indices.batch(8, 4);
    EXPECT_EQ(across[0], first[8]);
    EXPECT_EQ(across[3], second[1]);
}

// What a run that goes on at any step asks first must not depend on what was asked before the kill.
TEST(BatchIndices, RememberWithoutAnEffectOnWhatTheySay) {
    constexpr int64_t kCount = 7, kBatch = 3, kBatches = 21;  // 9 epochs; batches reach across them
    BatchIndices forwards(kCount, 5), backwards(kCount, 5);
    std::vector<std::vector<int64_t>> seen;
    for (int64_t batch = 0; batch < kBatches; ++batch)
        seen.push_back(forwards.batch(batch * kBatch, kBatch));
    EXPECT_EQ(forwards.ordersMade(), 9) << "one for each epoch, not for each batch";
    for (int64_t batch = kBatches - 1; batch >= 0; --batch) {
        const auto expected = seen[size_t(batch)];
        EXPECT_EQ(backwards.batch(batch * kBatch, kBatch), expected) << batch;
        EXPECT_EQ(BatchIndices(kCount, 5).batch(batch * kBatch, kBatch), expected) << batch;
        EXPECT_EQ(forwards.at(batch * kBatch), expected[0]) << batch;
    }
    EXPECT_NE(BatchIndices(kCount, 6).batch(0, kCount), BatchIndices(kCount, 5).batch(0, kCount));
}

TEST(TensorPictureSource, EqualArgumentsGiveEqualPictures) {
    TensorPictureSource source(at::rand({4, 3, 20, 20}), 0.5, true);
    const auto a = source.pictures({{0, 3}, 16, 1, 9}), b = source.pictures({{0, 3}, 16, 1, 9}),
               c = source.pictures({{0, 3}, 16, 1, 10});
    ASSERT_TRUE(a && b && c);
    const auto second = source.pictures({{3}, 16, 1, 9, 1});
    ASSERT_TRUE(second);
    EXPECT_TRUE(at::equal(a->pixels[1], second->pixels[0])) << "a part of a batch is what it is in the whole";
    EXPECT_TRUE(at::equal(a->pixels, b->pixels));
    EXPECT_FALSE(at::equal(a->pixels, c->pixels));
}

}  // namespace
}  // namespace vitrine
