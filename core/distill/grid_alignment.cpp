#include "core/distill/grid_alignment.h"

#include "core/nn/functional.h"

#include <algorithm>

namespace vitrine {
namespace {

at::Tensor resized(const at::Tensor& map, int64_t height, int64_t width) {
    if (map.size(2) == height && map.size(3) == width)
        return map;
    return nn::resizeMap(map, height, width, "bilinear");
}

// Rows of `side` cells that remain of one crop when the other is shifted by `offset` against it.
struct Span {
    int64_t start, length;
};
Span spanOf(int64_t side, int64_t otherSide, int64_t offset) {
    const int64_t start = std::max<int64_t>(offset, 0);
    return {start, std::max<int64_t>(0, std::min(side, otherSide + offset) - start)};
}

// Student coordinates (in cells, 0 at the centre of the first) of the centres of `count` teacher cells.
at::Tensor studentCoordinates(int64_t count, double studentStart, double studentCell, double teacherStart,
                              double teacherCell) {
    const auto pixels = teacherStart + teacherCell * (at::arange(count, at::kDouble) + 0.5);
    return (pixels - studentStart) / studentCell - 0.5;
}

at::Tensor insideCrop(const at::Tensor& coordinates, int64_t side) {
    return (coordinates >= -0.5).logical_and(coordinates <= double(side) - 0.5);
}

}  // namespace

GridPair matchGrids(const at::Tensor& student, const at::Tensor& teacher, GridPolicy policy) {
    if (policy == GridPolicy::Teacher)
        return {resized(student, teacher.size(2), teacher.size(3)), teacher};
    const int64_t height = std::max(student.size(2), teacher.size(2));
    const int64_t width = std::max(student.size(3), teacher.size(3));
    return {resized(student, height, width), resized(teacher, height, width)};
}

AlignedPair overlapOfShifts(const at::Tensor& student, std::pair<int64_t, int64_t> studentShift,
                            const at::Tensor& teacher, std::pair<int64_t, int64_t> teacherShift) {
    // Student cell r shows what teacher cell r - down shows.
    const int64_t down = teacherShift.first - studentShift.first;
    const int64_t right = teacherShift.second - studentShift.second;
    const auto cut = [](const at::Tensor& map, Span rows, Span columns) {
        const int64_t top = std::min(rows.start, map.size(2)), left = std::min(columns.start, map.size(3));
        return map.narrow(2, top, rows.length).narrow(3, left, columns.length);
    };
    return {cut(student, spanOf(student.size(2), teacher.size(2), down),
                spanOf(student.size(3), teacher.size(3), right)),
            cut(teacher, spanOf(teacher.size(2), student.size(2), -down),
                spanOf(teacher.size(3), student.size(3), -right)),
            {}};
}

AlignedPair sampleAtTeacher(const at::Tensor& student, const CropPlace& studentPlace,
                            const at::Tensor& teacher, const CropPlace& teacherPlace) {
    const int64_t height = teacher.size(2), width = teacher.size(3);
    const auto rows = studentCoordinates(height, studentPlace.top, studentPlace.cellPixels, teacherPlace.top,
                                         teacherPlace.cellPixels);
    const auto columns = studentCoordinates(width, studentPlace.left, studentPlace.cellPixels,
                                            teacherPlace.left, teacherPlace.cellPixels);
    const auto visible =
        insideCrop(rows, student.size(2)).unsqueeze(1).logical_and(insideCrop(columns, student.size(3)));
    // grid_sample counts from -1 to 1 between the outer edges of the map.
    const auto y = (2 * rows + 1) / double(student.size(2)) - 1,
               x = (2 * columns + 1) / double(student.size(3)) - 1;
    const auto grid =
        at::stack({x.unsqueeze(0).expand({height, width}), y.unsqueeze(1).expand({height, width})}, 2)
            .to(student.device(), student.scalar_type())
            .unsqueeze(0)
            .expand({student.size(0), height, width, 2});
    const auto sampled =
        at::grid_sampler(student, grid, /*bilinear*/ 0, /*border*/ 1, /*align_corners*/ false);
    return {sampled, teacher, visible.to(student.device()).reshape({1, 1, height, width})};
}

}  // namespace vitrine
