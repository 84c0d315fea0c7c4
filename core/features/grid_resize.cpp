#include "core/features/grid_resize.h"

#include "kernels/common/simd.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace vitrine {
namespace {

namespace simd = kernels::simd;

constexpr int64_t kTileRows = 128;  // rows of the result made at once from enlarged source rows

// What each position along one axis of the result is made of.
struct AxisWeights {
    int64_t taps = 0;
    std::vector<int32_t> sources;  // (taps, size)
    std::vector<float> weights;    // (taps, size)
};

// Keys' cubic kernel at the four neighbours of a place that lies `t` behind the second.
std::array<float, 4> cubicWeights(float t) {
    constexpr float a = -0.75f;
    const auto near = [](float x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
    const auto far = [](float x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
    return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

AxisWeights axisWeights(int64_t source, int64_t size, GridFilter filter) {
    AxisWeights axis;
    axis.taps = filter == GridFilter::Bicubic ? 4 : 2;
    axis.sources.resize(size_t(axis.taps * size));
    axis.weights.resize(size_t(axis.taps * size));
    const float scale = float(source) / float(size);
    for (int64_t x = 0; x < size; ++x) {
        float place = scale * (float(x) + 0.5f) - 0.5f;
        if (filter == GridFilter::Bilinear)
            place = std::max(place, 0.0f);
        const auto first = int64_t(std::floor(place));
        const float t = place - float(first);
        const std::array<float, 4> weights =
            filter == GridFilter::Bicubic ? cubicWeights(t) : std::array<float, 4>{1 - t, t, 0, 0};
        for (int64_t tap = 0; tap < axis.taps; ++tap) {
            const int64_t neighbour = first + tap - (filter == GridFilter::Bicubic ? 1 : 0);
            axis.sources[size_t(tap * size + x)] = int32_t(std::clamp<int64_t>(neighbour, 0, source - 1));
            axis.weights[size_t(tap * size + x)] = weights[size_t(tap)];
        }
    }
    return axis;
}

void enlargeRow(const float* row, const AxisWeights& axis, int64_t width, float* out) {
    const int32_t* sources = axis.sources.data();
    const float* weights = axis.weights.data();
    if (axis.taps == 2) {
        for (int64_t x = 0; x < width; ++x)
            out[x] = weights[x] * row[sources[x]] + weights[width + x] * row[sources[width + x]];
        return;
    }
    for (int64_t x = 0; x < width; ++x)
        out[x] = weights[x] * row[sources[x]] + weights[width + x] * row[sources[width + x]] +
                 weights[2 * width + x] * row[sources[2 * width + x]] +
                 weights[3 * width + x] * row[sources[3 * width + x]];
}

// out = sum of `taps` rows, each times its weight.
struct BlendRows {
    template <int Bytes>
    static VITRINE_INLINE void run(const float* const* rows, const float* weights, int64_t taps,
                                   int64_t width, float* out) {
        using V = simd::Vec<float, Bytes>;
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(float));
        int64_t x = 0;
        for (; x + kLanes <= width; x += kLanes) {
            V sum = simd::load<V>(rows[0] + x) * weights[0];
            for (int64_t tap = 1; tap < taps; ++tap)
                sum += simd::load<V>(rows[tap] + x) * weights[tap];
            simd::store(out + x, sum);
        }
        for (; x < width; ++x) {
            float sum = rows[0][x] * weights[0];
            for (int64_t tap = 1; tap < taps; ++tap)
                sum += rows[tap][x] * weights[tap];
            out[x] = sum;
        }
    }
};

// Rows begin..end of the result of one plane.
void resizeRows(const float* plane, int64_t sourceWidth, const AxisWeights& rowAxis,
                const AxisWeights& columnAxis, int64_t height, int64_t width, int64_t begin, int64_t end,
                std::vector<float>& enlarged, float* out) {
    const auto source = [&](int64_t tap, int64_t y) {
        return int64_t(rowAxis.sources[size_t(tap * height + y)]);
    };
    const int64_t first = source(0, begin), last = source(rowAxis.taps - 1, end - 1);
    enlarged.resize(size_t((last - first + 1) * width));
    for (int64_t row = first; row <= last; ++row)
        enlargeRow(plane + row * sourceWidth, columnAxis, width, enlarged.data() + (row - first) * width);
    std::array<const float*, 4> rows{};
    std::array<float, 4> weights{};
    for (int64_t y = begin; y < end; ++y) {
        for (int64_t tap = 0; tap < rowAxis.taps; ++tap) {
            rows[size_t(tap)] = enlarged.data() + (source(tap, y) - first) * width;
            weights[size_t(tap)] = rowAxis.weights[size_t(tap * height + y)];
        }
        simd::dispatch<BlendRows>(rows.data(), weights.data(), rowAxis.taps, width, out + y * width);
    }
}

}  // namespace

at::Tensor resizeGrid(const at::Tensor& map, int64_t height, int64_t width, GridFilter filter) {
    const bool differentiated = at::GradMode::is_enabled() && map.requires_grad();
    if (!map.is_cpu() || map.scalar_type() != at::kFloat || differentiated)
        return filter == GridFilter::Bicubic ? at::upsample_bicubic2d(map, {height, width}, false)
                                             : at::upsample_bilinear2d(map, {height, width}, false);
    const at::Tensor source = map.contiguous();
    const int64_t planes = source.size(0) * source.size(1), sourceHeight = source.size(2),
                  sourceWidth = source.size(3);
    at::Tensor result = at::empty({source.size(0), source.size(1), height, width}, source.options());
    const AxisWeights rowAxis = axisWeights(sourceHeight, height, filter),
                      columnAxis = axisWeights(sourceWidth, width, filter);
    const float* from = source.const_data_ptr<float>();
    auto* to = result.data_ptr<float>();
    const int64_t tiles = (height + kTileRows - 1) / kTileRows;
    at::parallel_for(0, planes * tiles, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> enlarged;
        for (int64_t item = begin; item < end; ++item) {
            const int64_t plane = item / tiles, top = item % tiles * kTileRows;
            resizeRows(from + plane * sourceHeight * sourceWidth, sourceWidth, rowAxis, columnAxis, height,
                       width, top, std::min(top + kTileRows, height), enlarged, to + plane * height * width);
        }
    });
    return result;
}

}  // namespace vitrine
