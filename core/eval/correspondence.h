// Dense correspondence without labels: a picture and a known warp of it are encoded apart, and each place of
// the warped map looks for the most similar place of the other. Share of right places: PCK, the measure that
// the correspondence literature counts (Min et al. 2019, SPair-71k), with a tolerance in feature cells.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace vitrine {

// Takes a place of the warped picture to its place in the plain one, both with -1 .. 1 across width and
// height: turn by `degrees` and shrink by `scale` around the centre (scale 0.7: the warped picture shows the
// middle 70 %).
struct KnownWarp {
    double scale = 1, degrees = 0;

    // (2, 3), as at::affine_grid takes it.
    at::Tensor matrix() const;
    // pictures (B, C, H, W) -> the same shape, warped, bilinear.
    at::Tensor apply(const at::Tensor& pictures) const;
};

// Those that evaluations use, by name: a zoom, a turn, both.
const std::vector<std::pair<std::string, KnownWarp>>& usualWarps();

struct CorrespondenceCount {
    int64_t right = 0, all = 0;
    double share() const { return all > 0 ? double(right) / double(all) : 0; }
    void add(const CorrespondenceCount& other) {
        right += other.right;
        all += other.all;
    }
};

// plain, warped: (C, h, w) features of the two pictures. Places whose true match lies outside the plain
// picture do not count. Right: the most similar place by cosine lies within `toleranceCells` of the true one.
// ShapeMismatch if the maps differ in shape.
Result<CorrespondenceCount> countCorrespondences(const at::Tensor& plain, const at::Tensor& warped,
                                                 const KnownWarp& warp, double toleranceCells);

}  // namespace vitrine
