// Bringing a student's and a teacher's feature maps to the same places: grids of different sizes, and crops
// that were shifted independently (C-RADIOv4, shift-equivariant loss).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <utility>

namespace vitrine {

enum class GridPolicy {
    Larger,  // both maps are resized to the larger grid (AM-RADIO)
    Teacher  // the student's map is resized to the teacher's grid (RADIOv2.5)
};

struct GridPair {
    at::Tensor student, teacher;  // (B, C, h, w) each, same h and w
};
// student (B, C, h, w), teacher (B, C', h', w'). Bilinear, pixel centres aligned (align_corners off), no
// antialias, as the papers' code does it; maps that fit already come back as they are. Larger takes the
// larger height and the larger width.
GridPair matchGrids(const at::Tensor& student, const at::Tensor& teacher, GridPolicy policy);

// Where a crop lies in the picture that both crops were taken from, in pixels of that picture.
struct CropPlace {
    double top = 0, left = 0;
    double cellPixels = 1;  // side of a feature cell
};

// F_{S->T} of one map: the student's features at the teacher's places, and Ω, the places that both see.
struct AlignedPair {
    at::Tensor student, teacher;  // (B, C, h, w), (B, C', h, w)
    at::Tensor visible;           // (1, 1, h, w) bool: Ω; undefined where every place is visible to both
};

// Both grids have the same cells and the shifts differ by whole cells: the overlap is cut out, nothing is
// resampled (h and w are the overlap's, perhaps 0). Shifts in cells, (row, column), as each crop was moved.
AlignedPair overlapOfShifts(const at::Tensor& student, std::pair<int64_t, int64_t> studentShift,
                            const at::Tensor& teacher, std::pair<int64_t, int64_t> teacherShift);

// Any cells and offsets: the student is sampled bilinearly at the centres of the teacher's cells. Centres
// outside the student's crop are not in Ω; those in its outermost half cell take the nearest value.
AlignedPair sampleAtTeacher(const at::Tensor& student, const CropPlace& studentPlace,
                            const at::Tensor& teacher, const CropPlace& teacherPlace);

}  // namespace vitrine
