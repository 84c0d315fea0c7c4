#include "core/eval/segmentation_probe.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

// A picture of 24 x 32 pixels, left part class 0, right part class 1 from column `edge` on; the map of 6 x 8
// cells sees columns from `crop` pixels on, and its first channel tells left from right. The last row of
// pixels is unlabelled.
LabelledFeatures halves(int64_t edge, int64_t crop, uint64_t seed) {
    at::manual_seed(seed);
    LabelledFeatures picture;
    picture.labels = at::arange(32).ge(edge).to(at::kByte).expand({24, 32}).clone();
    picture.labels[23].fill_(255);
    picture.scaleX = 8.0 / double(32 - crop);
    picture.offsetX = -double(crop) * picture.scaleX;
    picture.scaleY = 6.0 / 24;
    picture.features = 0.1 * at::randn({4, 6, 8});
    const at::Tensor centres = (at::arange(8, at::kDouble) + 0.5 - picture.offsetX) / picture.scaleX;
    picture.features[0] += centres.ge(double(edge)).to(at::kFloat).expand({6, 8});
    return picture;
}

TEST(SegmentationProbe, FindsTheEdgeWhereThePictureWasCropped) {
    std::vector<LabelledFeatures> training;
    for (const int64_t edge : {8, 12, 16, 20, 24})
        training.push_back(halves(edge, edge == 8 ? 0 : 4, uint64_t(edge)));
    JobContext job;
    const auto probe = SegmentationProbe::fit(training, 2, {.steps = 150}, job);
    ASSERT_TRUE(probe) << probe.error().text();
    for (const int64_t crop : {0, 4, 8}) {
        const LabelledFeatures test = halves(18, crop, 99);
        const at::Tensor predicted = probe->predict(test);
        ASSERT_EQ(predicted.sizes(), test.labels.sizes());
        ConfusionMatrix matrix(2);
        ASSERT_TRUE(matrix.add(test.labels, predicted));
        EXPECT_EQ(matrix.total(), 23 * 32);
        // Bilinear logits put the edge within half a cell.
        EXPECT_GT(matrix.meanIntersectionOverUnion(), 0.85) << crop;
    }
}

TEST(SegmentationProbe, SaysWhatItCannotUse) {
    JobContext job;
    const auto errorOf = [&](std::vector<LabelledFeatures> pictures, int64_t classes) {
        const auto probe = SegmentationProbe::fit(pictures, classes, {.steps = 1}, job);
        return probe ? std::string("fitted") : probe.error().text();
    };
    EXPECT_THAT(errorOf({}, 2), ::testing::HasSubstr("pictures with labels"));
    auto unlabelled = halves(8, 0, 1);
    unlabelled.labels.fill_(255);
    EXPECT_THAT(errorOf({unlabelled}, 2), ::testing::HasSubstr("no pixel has a label below 2"));
    auto wider = halves(8, 0, 1);
    wider.features = at::zeros({5, 6, 8});
    EXPECT_THAT(errorOf({halves(8, 0, 1), wider}, 2), ::testing::HasSubstr("5x6x8"));
    EXPECT_EQ(errorOf({unlabelled, halves(8, 0, 1)}, 2), "fitted");
}

}  // namespace
}  // namespace vitrine
