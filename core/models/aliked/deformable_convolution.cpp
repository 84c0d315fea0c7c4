#include "core/models/aliked/deformable_convolution.h"

namespace vitrine::nn {

at::Tensor deformableConvolution(const at::Tensor& x, const at::Tensor& offsets, const at::Tensor& weight) {
    const int64_t batch = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
    const int64_t kernel = weight.size(2), points = kernel * kernel;
    const auto options = x.options().requires_grad(false);
    const at::Tensor steps = at::arange(kernel, options) - (kernel / 2);
    // Places of the kernel's points, (1, k², h, w).
    const at::Tensor rows =
        steps.view({1, kernel, 1, 1, 1}).expand({1, kernel, kernel, 1, 1}).reshape({1, points, 1, 1}) +
        at::arange(height, options).view({1, 1, height, 1});
    const at::Tensor columns =
        steps.view({1, 1, kernel, 1, 1}).expand({1, kernel, kernel, 1, 1}).reshape({1, points, 1, 1}) +
        at::arange(width, options).view({1, 1, 1, width});
    const at::Tensor shifts = offsets.view({batch, points, 2, height, width});
    const at::Tensor down = rows + shifts.select(2, 0), across = columns + shifts.select(2, 1);
    // Pixel centres at -1 + (2 i + 1) / n.
    const at::Tensor grid =
        at::stack({(2 * across + 1) / double(width) - 1, (2 * down + 1) / double(height) - 1}, -1);
    const at::Tensor sampled =
        at::grid_sampler_2d(x, grid.view({batch, points * height, width, 2}), 0, 0, false)
            .view({batch, channels * points, height * width});
    return weight.view({1, weight.size(0), channels * points})
        .expand({batch, weight.size(0), channels * points})
        .bmm(sampled)
        .view({batch, weight.size(0), height, width});
}

}  // namespace vitrine::nn
