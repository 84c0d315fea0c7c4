#include "core/distill/grid_alignment.h"

#include "core/distill/losses.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

// A picture of features: channel 0 is the row, channel 1 the column, both in cells from the picture's corner.
at::Tensor places(int64_t top, int64_t left, int64_t height, int64_t width) {
    const auto rows = (at::arange(height, at::kDouble) + double(top)).unsqueeze(1).expand({height, width});
    const auto columns = (at::arange(width, at::kDouble) + double(left)).unsqueeze(0).expand({height, width});
    return at::stack({rows, columns}).unsqueeze(0);
}

TEST(GridAlignment, PoliciesChooseTheGrid) {
    at::manual_seed(1);
    const auto student = at::randn({2, 5, 8, 6}), teacher = at::randn({2, 7, 4, 9});
    const auto larger = matchGrids(student, teacher, GridPolicy::Larger);
    EXPECT_EQ(larger.student.sizes(), at::IntArrayRef({2, 5, 8, 9}));
    EXPECT_EQ(larger.teacher.sizes(), at::IntArrayRef({2, 7, 8, 9}));
    const auto toTeacher = matchGrids(student, teacher, GridPolicy::Teacher);
    EXPECT_EQ(toTeacher.student.sizes(), at::IntArrayRef({2, 5, 4, 9}));
    EXPECT_TRUE(toTeacher.teacher.is_same(teacher));
    // Bilinear with aligned centres: halving a ramp takes the means of neighbours.
    const auto ramp = places(0, 0, 4, 4);
    const auto half = matchGrids(ramp, at::zeros({1, 2, 2, 2}, at::kDouble), GridPolicy::Teacher).student;
    EXPECT_TRUE(at::allclose(half[0][0].select(1, 0), at::tensor({0.5, 2.5}, at::kDouble)));
    const auto same = matchGrids(student, student, GridPolicy::Larger);
    EXPECT_TRUE(same.student.is_same(student));
}

TEST(GridAlignment, OverlapsShowTheSamePlaces) {
    for (const int64_t studentRow : {-2, 0, 1})
        for (const int64_t teacherRow : {-1, 0, 2})
            for (const int64_t teacherColumn : {-3, 0, 2}) {
                const auto student = places(studentRow, 0, 6, 5),
                           teacher = places(teacherRow, teacherColumn, 6, 5);
                const auto pair =
                    overlapOfShifts(student, {studentRow, 0}, teacher, {teacherRow, teacherColumn});
                EXPECT_TRUE(pair.student.equal(pair.teacher));
                EXPECT_EQ(pair.student.size(2), 6 - std::abs(teacherRow - studentRow));
                EXPECT_EQ(pair.student.size(3), 5 - std::abs(teacherColumn));
                // The general form gives the same values on the same places.
                const auto sampled = sampleAtTeacher(student, {double(studentRow), 0, 1}, teacher,
                                                     {double(teacherRow), double(teacherColumn), 1});
                EXPECT_EQ(sampled.visible.sum().item<int64_t>(), pair.student.size(2) * pair.student.size(3));
                const auto error =
                    meanOver(meanSquaredDistance(sampled.student, sampled.teacher, 1), sampled.visible[0]);
                EXPECT_LE(error.item<double>(), 1e-20);
            }
}

TEST(GridAlignment, CropsWithoutOverlapTeachNothing) {
    auto student = at::randn({2, 3, 4, 4}).requires_grad_();
    const auto teacher = at::randn({2, 3, 4, 4});
    for (const int64_t shift : {4, 9, -4, -7}) {
        const auto pair = overlapOfShifts(student, {0, 0}, teacher, {shift, 1});
        EXPECT_EQ(pair.student.numel(), 0);
        const auto loss = meanOver(meanSquaredDistance(pair.student, pair.teacher, 1));
        EXPECT_EQ(loss.item<float>(), 0);
        loss.backward();
    }
    EXPECT_EQ(student.grad().abs().max().item<float>(), 0);
    const auto sampled = sampleAtTeacher(student, {0, 0, 1}, teacher, {100, 0, 1});
    EXPECT_EQ(sampled.visible.sum().item<int64_t>(), 0);
    EXPECT_EQ(
        meanOver(meanSquaredDistance(sampled.student, sampled.teacher, 1), sampled.visible[0]).item<float>(),
        0);
}

TEST(GridAlignment, DifferentCellsAreSampledInPixels) {
    // Student cells of 16 pixels, teacher cells of 14, teacher's crop 28 pixels down: its row r has its
    // centre at pixel 28 + 14 r + 7, that is student coordinate (35 + 14 r) / 16 - 0.5.
    const auto student = places(0, 0, 14, 14);
    const auto pair =
        sampleAtTeacher(student, {0, 0, 16}, at::zeros({1, 2, 16, 16}, at::kDouble), {28, 0, 14});
    const auto expected = (35 + 14 * at::arange(16, at::kDouble)) / 16 - 0.5;
    const auto seen = pair.visible[0][0].select(1, 3);
    EXPECT_EQ(seen.sum().item<int64_t>(), 14);  // pixels 35 .. 217 of 224; the last two centres lie beyond
    // Within half a cell of the edge the nearest value is taken.
    const auto clamped = expected.clamp(0, 13);
    EXPECT_TRUE(
        at::allclose(pair.student[0][0].select(1, 3).slice(0, 0, 14), clamped.slice(0, 0, 14), 1e-9, 1e-9));
    // Equal fields of view with different cells: plain bilinear resizing.
    at::manual_seed(2);
    const auto map = at::randn({1, 3, 6, 6}, at::kDouble), target = at::zeros({1, 3, 9, 9}, at::kDouble);
    const auto resized = sampleAtTeacher(map, {0, 0, 12}, target, {0, 0, 8});
    EXPECT_TRUE(resized.visible.all().item<bool>());
    EXPECT_TRUE(
        at::allclose(resized.student, matchGrids(map, target, GridPolicy::Teacher).student, 1e-9, 1e-9));
}

TEST(GridAlignment, GradientsReachTheStudent) {
    auto student = at::randn({1, 2, 4, 4}, at::kDouble).requires_grad_();
    const auto pair = overlapOfShifts(student, {0, 0}, at::zeros({1, 2, 4, 4}, at::kDouble), {1, 0});
    meanOver(meanSquaredDistance(pair.student, pair.teacher, 1)).backward();
    EXPECT_EQ(student.grad().select(2, 0).abs().max().item<double>(),
              0);  // the first row is not seen by the teacher
    EXPECT_GT(student.grad().select(2, 1).abs().min().item<double>(), 0);
}

}  // namespace
}  // namespace vitrine
