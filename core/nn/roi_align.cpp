#include "core/nn/roi_align.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vitrine::nn {
namespace {

// Boxes far outside any map (padding, not yet trained predictions) would ask for as many samples as they are
// long.
constexpr double kMostSamples = 4096;

// What each cell of one axis contributes to each bin: `weights` (side, length). Bilinear sampling on a
// regular grid is separable, so a box is pooled by one such matrix per axis.
void fillAxis(float* weights, int64_t side, int64_t length, double begin, double end) {
    const double extent = std::max(end - begin, 1.0), bin = extent / double(side);
    const double samples = std::clamp(std::ceil(bin), 1.0, kMostSamples);
    for (int64_t index = 0; index < side; ++index) {
        float* row = weights + index * length;
        for (double sample = 0; sample < samples; ++sample) {
            double position = begin + double(index) * bin + (sample + 0.5) * bin / samples;
            if (!(position >= -1.0 && position <= double(length)))
                continue;
            position = std::clamp(position, 0.0, double(length - 1));
            const int64_t low = int64_t(position), high = std::min(low + 1, length - 1);
            const double share = position - double(low);
            row[low] += float((1.0 - share) / samples);
            row[high] += float(share / samples);
        }
    }
}

}  // namespace

at::Tensor roiAlign(const at::Tensor& map, const at::Tensor& boxes, int64_t side) {
    const int64_t batch = map.size(0), count = boxes.size(1), height = map.size(2), width = map.size(3);
    const at::Tensor corners = boxes.to(at::kCPU, at::kDouble).reshape({batch * count, 4}).contiguous();
    at::Tensor rows = at::zeros({batch, count, side, height}, at::kFloat);
    at::Tensor columns = at::zeros({batch, count, side, width}, at::kFloat);
    const double* box = corners.const_data_ptr<double>();
    for (int64_t i = 0; i < batch * count; ++i, box += 4) {
        fillAxis(columns.data_ptr<float>() + i * side * width, side, width, box[0], box[2]);
        fillAxis(rows.data_ptr<float>() + i * side * height, side, height, box[1], box[3]);
    }
    const at::Tensor wide = map.to(at::kFloat).unsqueeze(1);  // (B, 1, C, h, w)
    const at::Tensor onRows = at::matmul(rows.to(map.device()).unsqueeze(2), wide);
    return at::matmul(onRows, columns.to(map.device()).unsqueeze(2).transpose(-1, -2)).to(map.scalar_type());
}

}  // namespace vitrine::nn
