#include "core/upsampling/view_warps.h"

#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

class Draw {
  public:
    Draw(int64_t count, const at::Generator& random) : count_(count), random_(random) {}
    // (count) uniform in [low, high).
    at::Tensor between(double low, double high) const {
        return low + (high - low) * at::rand({count_}, random_, at::TensorOptions());
    }
    // -1 or 1, each half of the time.
    at::Tensor sign() const { return between(0, 1).lt(0.5).to(at::kFloat) * 2 - 1; }

  private:
    int64_t count_;
    const at::Generator& random_;
};

at::Tensor matrices(const std::vector<at::Tensor>& entries) {
    std::vector<at::Tensor> filled;
    filled.reserve(entries.size());
    for (const at::Tensor& entry : entries)
        filled.push_back(entry.expand_as(entries.front()));
    return at::stack(filled, 1).view({-1, 3, 3});
}

// Coordinates of the centres of `size` cells.
at::Tensor cellCentres(int64_t size, WarpAnchor anchor, const at::TensorOptions& options) {
    if (anchor == WarpAnchor::CellCentres)
        return at::linspace(-1, 1, size, options);
    return (at::arange(size, options) + 0.5) * (2.0 / double(size)) - 1;
}

}  // namespace

at::Tensor drawViews(int64_t count, int64_t views, const ViewOptions& options, const at::Generator& random) {
    const Draw shared(count, random), own(count * views, random);
    const at::Tensor zero = at::zeros({count}), one = at::ones({count});
    const at::Tensor share = 1 / shared.between(1, options.largestZoom);  // of the base that the window spans
    const at::Tensor right = shared.between(-1, 1) * (1 - share), down = shared.between(-1, 1) * (1 - share);
    const at::Tensor window = matrices({share, zero, right, zero, share, down, zero, zero, one});

    const double degree = std::numbers::pi / 180;
    const at::Tensor change = own.between(1 - options.zoomChange, 1 / (1 - options.zoomChange));
    const at::Tensor angle = own.between(-options.largestRotation, options.largestRotation) * degree;
    const auto tilt = [&] {
        return own.between(options.smallestPerspective, options.largestPerspective) * own.sign();
    };
    const at::Tensor tiltX = tilt(), tiltY = tilt();
    const at::Tensor cosine = change * angle.cos(), sine = change * angle.sin();
    const at::Tensor none = at::zeros_like(change);
    const at::Tensor view =
        matrices({cosine, -sine, none, sine, cosine, none, tiltX, tiltY, at::ones_like(change)});
    return at::matmul(window.unsqueeze(1), view.view({count, views, 3, 3}));
}

at::Tensor drawJitter(int64_t count, int64_t views, const JitterOptions& options,
                      const at::Generator& random) {
    const Draw draw(count * views, random);
    const at::Tensor zooms = draw.between(0, 1).lt(0.5);
    const at::Tensor zoom = at::where(zooms, draw.between(1, options.largestZoom), at::ones({count * views}));
    const at::Tensor share = 1 / zoom, room = 1 + 2 * options.margin - share;
    const at::Tensor none = at::zeros_like(share);
    const at::Tensor right = draw.between(-1, 1) * room, down = draw.between(-1, 1) * room;
    return matrices({share * draw.sign(), none, right, none, share, down, none, none, at::ones_like(share)})
        .view({count, views, 3, 3});
}

at::Tensor viewPositions(const at::Tensor& baseFromView, int64_t height, int64_t width, WarpAnchor anchor) {
    const at::Tensor x = cellCentres(width, anchor, baseFromView.options());
    const at::Tensor y = cellCentres(height, anchor, baseFromView.options());
    const at::Tensor positions =
        at::stack({x.unsqueeze(0).expand({height, width}), y.unsqueeze(1).expand({height, width}),
                   at::ones({height, width}, baseFromView.options())},
                  2)
            .view({1, height * width, 3});
    const at::Tensor moved = at::matmul(positions, baseFromView.transpose(1, 2));
    return (moved.narrow(2, 0, 2) / moved.narrow(2, 2, 1)).view({-1, height, width, 2});
}

at::Tensor warpToView(const at::Tensor& map, const at::Tensor& baseFromView, int64_t height, int64_t width,
                      WarpAnchor anchor) {
    constexpr int64_t kBilinear = 0, kReflection = 2;
    const at::Tensor positions = viewPositions(baseFromView.to(map.device()), height, width, anchor);
    return at::grid_sampler_2d(map, positions.to(map.scalar_type()), kBilinear, kReflection,
                               anchor == WarpAnchor::CellCentres);
}

at::Tensor insideBase(const at::Tensor& baseFromView, int64_t height, int64_t width, WarpAnchor anchor) {
    // A little slack: the identity must count as inside whatever the rounding.
    return viewPositions(baseFromView, height, width, anchor).abs().le(1 + 1e-5).all(3).to(at::kFloat);
}

}  // namespace vitrine
