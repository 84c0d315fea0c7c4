#include "core/eval/correspondence.h"

#include <cmath>
#include <numbers>

namespace vitrine {

at::Tensor KnownWarp::matrix() const {
    const double angle = degrees * std::numbers::pi / 180;
    const double c = scale * std::cos(angle), s = scale * std::sin(angle);
    return at::tensor({c, -s, 0.0, s, c, 0.0}, at::kDouble).view({2, 3}).to(at::kFloat);
}

at::Tensor KnownWarp::apply(const at::Tensor& pictures) const {
    const at::Tensor grid = at::affine_grid_generator(
        matrix().to(pictures.device()).unsqueeze(0).expand({pictures.size(0), 2, 3}), pictures.sizes(),
        false);
    // Reflected at the border: a black rim would be a cue of its own.
    return at::grid_sampler(pictures, grid.to(pictures.scalar_type()), 0, 2, false);
}

const std::vector<std::pair<std::string, KnownWarp>>& usualWarps() {
    static const std::vector<std::pair<std::string, KnownWarp>> warps{
        {"zoom 1.5", {1 / 1.5, 0}}, {"turn 20 degrees", {1, 20}}, {"both", {1 / 1.5, 20}}};
    return warps;
}

Result<CorrespondenceCount> countCorrespondences(const at::Tensor& plain, const at::Tensor& warped,
                                                 const KnownWarp& warp, double toleranceCells) {
    if (plain.dim() != 3 || plain.sizes() != warped.sizes())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("two maps (C, h, w) of one shape are compared, these are {} and {}",
                                fmt::join(plain.sizes(), "x"), fmt::join(warped.sizes(), "x")));
    const at::NoGradGuard noGrad;
    const int64_t height = plain.size(1), width = plain.size(2);
    const auto unit = [](const at::Tensor& map) {
        const at::Tensor rows = map.flatten(1).t().to(at::kFloat);
        return rows / rows.norm(2, 1, true).clamp_min(1e-12);
    };
    const at::Tensor found = unit(warped).matmul(unit(plain).t()).argmax(1).cpu();  // (h w)
    // Centres of the warped cells, and where they truly lie: (h w, 2) as x, y.
    const at::Tensor places =
        at::affine_grid_generator(warp.matrix().unsqueeze(0), {1, 1, height, width}, false)
            .view({height * width, 2});
    const at::Tensor size = at::tensor({double(width), double(height)}).to(at::kFloat);
    const at::Tensor truth = (places + 1) * size / 2 - 0.5;  // in cells
    const at::Tensor matched =
        at::stack({found.remainder(width), found.floor_divide(width)}, 1).to(at::kFloat);
    const at::Tensor inside = places.abs().le(1).all(1);
    const at::Tensor right = (matched - truth).norm(2, 1).le(toleranceCells).logical_and(inside);
    return CorrespondenceCount{right.sum().item<int64_t>(), inside.sum().item<int64_t>()};
}

}  // namespace vitrine
