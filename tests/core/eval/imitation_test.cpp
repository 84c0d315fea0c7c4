#include "core/eval/imitation.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

ImitationScores scoresOf(const at::Tensor& student, const at::Tensor& teacher) {
    ImitationError error;
    EXPECT_TRUE(error.addMaps(student, teacher));
    const auto scores = error.scores();
    EXPECT_TRUE(scores);
    return scores ? *scores : ImitationScores();
}

TEST(Imitation, ErrorIsAShareOfTheTeachersVariance) {
    at::manual_seed(1);
    const at::Tensor teacher = at::randn({4, 6, 5, 5}) * 3 + 2;
    EXPECT_NEAR(scoresOf(teacher, teacher).error, 0, 1e-12);
    EXPECT_NEAR(scoresOf(teacher, teacher).cosine, 1, 1e-6);
    // The mean vector everywhere: 1.
    const at::Tensor mean = teacher.mean({0, 2, 3}, true).expand_as(teacher);
    EXPECT_NEAR(scoresOf(mean, teacher).error, 1, 1e-5);
    // Noise of a known share of the variance, whatever the scale.
    const double deviation = std::sqrt((teacher - mean).square().mean().item<double>());
    const at::Tensor noise = at::randn({4, 6, 5, 5});
    const double size = std::sqrt(noise.square().mean().item<double>());
    EXPECT_NEAR(scoresOf(teacher + noise * (0.5 * deviation / size), teacher).error, 0.25, 1e-5);
    EXPECT_NEAR(scoresOf(1000 * (teacher + noise * (0.5 * deviation / size)), 1000 * teacher).error, 0.25,
                1e-5);
    // Half the length: the direction stays.
    EXPECT_NEAR(scoresOf(teacher / 2, teacher).cosine, 1, 1e-6);
    EXPECT_GT(scoresOf(teacher / 2, teacher).error, 0.25);
}

TEST(Imitation, BatchesAddUpAndGridsMeetAtTheCoarser) {
    at::manual_seed(2);
    const at::Tensor teacher = at::randn({6, 3, 4, 8}), student = teacher + at::randn({6, 3, 4, 8});
    ImitationError apart;
    for (int64_t first = 0; first < 6; first += 2)
        ASSERT_TRUE(apart.addMaps(student.narrow(0, first, 2), teacher.narrow(0, first, 2)));
    EXPECT_NEAR(apart.scores()->error, scoresOf(student, teacher).error, 1e-9);
    EXPECT_EQ(apart.scores()->pictures, 6);
    EXPECT_EQ(apart.scores()->places, 6 * 32);
    // A student that repeats each of the teacher's cells 2 x 2 loses nothing; one that sees the teacher's
    // cells averaged is compared with these averages.
    const at::Tensor finer = teacher.repeat_interleave(2, 2).repeat_interleave(2, 3);
    EXPECT_NEAR(scoresOf(finer, teacher).error, 0, 1e-10);
    EXPECT_NEAR(scoresOf(at::avg_pool2d(teacher, 2), teacher).error, 0, 1e-10);
    EXPECT_EQ(scoresOf(at::avg_pool2d(teacher, 2), teacher).places, 6 * 8);
}

TEST(Imitation, SummariesAndWhatIsRefused) {
    ImitationError error;
    EXPECT_EQ(error.scores().error().code, ErrorCode::InvalidArgument);
    at::manual_seed(3);
    const at::Tensor maps = at::randn({2, 3, 2, 2});
    ASSERT_TRUE(error.addMaps(maps, maps));
    EXPECT_FALSE(error.scores()->summaryCosine);
    ASSERT_TRUE(error.addSummaries(at::tensor({1.f, 0.f, 0.f, 2.f}).reshape({2, 2}),
                                   at::tensor({3.f, 0.f, 1.f, 0.f}).reshape({2, 2})));
    EXPECT_NEAR(*error.scores()->summaryCosine, 0.5, 1e-9);
    EXPECT_EQ(error.addMaps(at::randn({2, 4, 2, 2}), maps).error().code, ErrorCode::ShapeMismatch);
    EXPECT_EQ(error.addMaps(at::randn({1, 3, 2, 2}), maps).error().code, ErrorCode::ShapeMismatch);
    EXPECT_EQ(error.addMaps(maps * std::nan(""), maps).error().code, ErrorCode::InvalidArgument);
    ImitationError constant;
    ASSERT_TRUE(constant.addMaps(maps, at::ones({2, 3, 2, 2})));
    EXPECT_EQ(constant.scores().error().code, ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace vitrine
