#include "core/upsampling/multi_view_loss.h"

namespace vitrine {

at::Tensor seamWeights(int64_t grid, int64_t factor, double weight) {
    at::Tensor map = at::ones({1, 1, grid * factor, grid * factor});
    for (int64_t seam = grid; seam < grid * factor; seam += grid) {
        map.narrow(2, seam - 1, 2).fill_(weight);
        map.narrow(3, seam - 1, 2).fill_(weight);
    }
    return map;
}

at::Tensor featSharpViewLoss(const ViewComparison& view) {
    at::Tensor places = view.valid;
    if (view.weight.defined())
        places = places * view.weight;
    if (view.uncertainty.defined())
        places = places * (-view.uncertainty).exp();
    const at::Tensor error = (view.predicted - view.target).square().mean(1);
    // A view that barely touches the base must not count as much as a whole one.
    const double half = double(error.size(1) * error.size(2)) / 2;
    return ((places * error).sum({1, 2}) / view.valid.sum({1, 2}).clamp_min(half)).mean();
}

at::Tensor onViewGrid(const at::Tensor& fine, const at::Tensor& baseFromView, int64_t grid,
                      WarpAnchor anchor) {
    const at::Tensor all = fine.expand({baseFromView.size(0), -1, -1, -1});
    const at::Tensor seen = warpToView(all, baseFromView, fine.size(2), fine.size(3), anchor);
    return at::adaptive_avg_pool2d(seen, {grid, grid}).squeeze(1);
}

at::Tensor withMeanOne(const at::Tensor& weight) {
    return weight / weight.mean({1, 2}, true);
}

at::Tensor featUpViewLoss(const at::Tensor& predicted, const at::Tensor& target,
                          const at::Tensor& deviation) {
    return ((predicted - target).square() / (2 * deviation.square()) + deviation.log()).mean();
}

at::Tensor randomProjection(int64_t batch, int64_t channels, int64_t width, const at::Generator& random) {
    const at::Tensor raw = at::randn({batch, channels, width}, random, at::TensorOptions());
    return raw / raw.square().sum(1, true).sqrt();
}

at::Tensor project(const at::Tensor& map, const at::Tensor& projection) {
    return at::matmul(projection.transpose(1, 2), map.flatten(2))
        .view({map.size(0), projection.size(2), map.size(2), map.size(3)});
}

at::Tensor sampledCrf(const at::Tensor& picture, const at::Tensor& features, int64_t samples,
                      const at::Generator& random) {
    const int64_t height = picture.size(2), width = picture.size(3);
    const at::Tensor row = at::randint(0, height, {samples}, random, at::TensorOptions().dtype(at::kLong));
    const at::Tensor column = at::randint(0, width, {samples}, random, at::TensorOptions().dtype(at::kLong));
    const at::Tensor place = (row * width + column).to(picture.device());
    // (B, D, N) -> (B, N, N), squared, by inner products: differences of all pairs would be D times as large.
    const auto pairDistances = [](const at::Tensor& at) {
        const at::Tensor squares = at.square().sum(1);
        const at::Tensor products = at::matmul(at.transpose(1, 2), at);
        return (squares.unsqueeze(2) + squares.unsqueeze(1) - 2 * products).clamp_min(0);
    };
    const at::Tensor position =
        at::stack({row.to(at::kFloat) / double(height), column.to(at::kFloat) / double(width)})
            .unsqueeze(0)
            .to(picture.device());
    const at::Tensor apart = pairDistances(position);
    const at::Tensor colors = pairDistances(picture.flatten(2).index_select(2, place));
    const at::Tensor alike = 10 * (-apart / 0.2 - colors / 0.3).exp() + 3 * (-apart / 0.01).exp();
    return (pairDistances(features.flatten(2).index_select(2, place)) * alike).mean();
}

}  // namespace vitrine
