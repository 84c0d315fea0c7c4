#include "core/data/soft_scenes.h"

namespace vitrine {

at::Tensor softScenes(int64_t count, int64_t side, const at::Generator& random) {
    const auto draw = [&](int64_t channels) {
        return at::rand({count, channels, 1, 1}, random, at::TensorOptions());
    };
    const at::Tensor axis = at::linspace(0, 1, side);
    const at::Tensor x = axis.view({1, 1, 1, side}), y = axis.view({1, 1, side, 1});
    at::Tensor picture = draw(3) + (draw(3) - 0.5) * x + (draw(3) - 0.5) * y;
    for (int disc = 0; disc < 3; ++disc) {
        const at::Tensor distance = ((x - draw(1)).square() + (y - draw(1)).square()).sqrt();
        const at::Tensor inside = at::sigmoid((0.12 + 0.2 * draw(1) - distance) * 40);
        const at::Tensor stripes = 0.25 * at::sin(40 * draw(1) * x + 40 * draw(1) * y);
        picture = picture * (1 - inside) + (draw(3) + stripes) * inside;
    }
    return picture.clamp(0, 1);
}

}  // namespace vitrine
