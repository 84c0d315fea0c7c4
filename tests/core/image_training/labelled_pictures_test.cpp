#include "core/image_training/labelled_pictures.h"

#include <gtest/gtest.h>

#include <set>

namespace vitrine {
namespace {

TEST(LabelledPictures, ScenesAreTheSameForTheSameSeed) {
    const auto a = shapeScenePictures(300, 16, 5, "training"), b = shapeScenePictures(300, 16, 5, "training");
    EXPECT_TRUE(at::equal(a.pictures, b.pictures));
    EXPECT_EQ(a.fingerprint(), b.fingerprint());
    EXPECT_NE(a.fingerprint(), shapeScenePictures(300, 16, 6, "training").fingerprint());
    EXPECT_NE(a.fingerprint(), shapeScenePictures(300, 16, 5, "test").fingerprint());
    EXPECT_EQ(a.classCount(), 8);
    EXPECT_EQ(std::get<0>(at::_unique(a.labels)).numel(), 8);
}

TEST(LabelledPictures, PartsAreDisjointAndBalanced) {
    const auto set = shapeScenePictures(400, 16, 1, "training");
    const auto parts = balancedParts(set, 5, 3);
    ASSERT_TRUE(parts) << parts.error().text();
    std::set<int64_t> seen;
    const at::Tensor first = set.at(parts->front()).labels.bincount({}, 8);
    for (const at::Tensor& part : *parts) {
        EXPECT_TRUE(at::equal(set.at(part).labels.bincount({}, 8), first));
        for (int64_t index = 0; index < part.numel(); ++index)
            EXPECT_TRUE(seen.insert(part[index].item<int64_t>()).second);
    }
    const auto tooMany = balancedParts(set, 300, 3);
    ASSERT_FALSE(tooMany);
    EXPECT_NE(tooMany.error().text().find("300 parts"), std::string::npos);
}

TEST(BatchDraw, EpochsHoldEveryPictureOnceAndDependOnTheStepAlone) {
    const auto set = shapeScenePictures(100, 16, 2, "training");
    BatchDraw draw(set, {25, 2, true}, 7);
    std::multiset<int64_t> seen;
    for (int64_t step = 0; step < 4; ++step) {
        const at::Tensor indices = draw.draw(step).indices;
        for (int64_t index = 0; index < 25; ++index)
            seen.insert(indices[index].item<int64_t>());
    }
    EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), 100u);
    const auto later = draw.draw(6);
    BatchDraw other(set, {25, 2, true}, 7);
    const auto again = other.draw(6);
    EXPECT_TRUE(at::equal(later.pictures, again.pictures));
    EXPECT_TRUE(at::equal(later.labels, set.labels.index_select(0, later.indices)));
}

TEST(BatchDraw, ShiftsByWholePixelsAndMirrors) {
    // Every picture holds its own column numbers.
    LabelledPictures set{
        at::arange(16, at::kFloat).add(1).view({1, 1, 1, 16}).expand({64, 3, 16, 16}).contiguous(),
        at::zeros({64}, at::kLong),
        {"a", "b"}};
    BatchDraw draw(set, {64, 2, true}, 1);
    const at::Tensor batch = draw.draw(0).pictures;
    std::set<int> kinds;
    for (int64_t index = 0; index < 64; ++index) {
        const at::Tensor row = batch[index][0][8];
        int matches = 0;
        for (int shift = -2; shift <= 2; ++shift)
            for (const bool mirrored : {false, true}) {
                at::Tensor expected = at::arange(16, at::kFloat).add(1 + shift);
                expected = at::where(expected.lt(1).logical_or(expected.gt(16)), at::zeros({}), expected);
                if (mirrored)
                    expected = expected.flip(0);
                if (at::equal(row, expected)) {
                    ++matches;
                    kinds.insert(shift * 2 + mirrored);
                }
            }
        EXPECT_EQ(matches, 1) << row;
    }
    EXPECT_GT(kinds.size(), 7u);
    BatchDraw plain(set, {64, 0, false}, 1);
    EXPECT_TRUE(at::equal(plain.draw(0).pictures, set.pictures));
}

}  // namespace
}  // namespace vitrine
