#include "kernels/common/cuda_element.cuh"
#include "kernels/local_attention/local_attention.h"

namespace vitrine::kernels {
namespace {

constexpr int kMaxTaps = (2 * kMaxRadius + 1) * (2 * kMaxRadius + 1);
constexpr int kThreads = 64;

__device__ inline float exponential(float x) {
    return expf(x);
}
__device__ inline double exponential(double x) {
    return exp(x);
}
__device__ inline float logarithm(float x) {
    return logf(x);
}
__device__ inline double logarithm(double x) {
    return log(x);
}

// The position of a thread, its window, and where both lie in plain and padded planes.
template <typename T>
struct Window {
    const LocalAttentionSizes& s;
    int64_t map, y, x, plane, paddedPlane, rowStride;
    int diameter, taps;

    __device__ Window(const LocalAttentionSizes& sizes, int64_t index, int64_t column)
        : s(sizes),
          map(index / sizes.height),
          y(index % sizes.height),
          x(column),
          plane(sizes.height * sizes.columns),
          paddedPlane((sizes.height + 2 * sizes.radius) * (sizes.columns + 2 * sizes.radius)),
          rowStride(sizes.columns + 2 * sizes.radius),
          diameter(int(2 * sizes.radius + 1)),
          taps(diameter * diameter) {}

    __device__ int64_t plain(int64_t channels) const { return map * channels * plane + y * s.columns + x; }
    __device__ int64_t padded(int64_t channels, int tap) const {
        return map * channels * paddedPlane + (y + tap / diameter) * rowStride + x + tap % diameter;
    }
    __device__ bool inside(int tap) const {
        const int64_t row = y + tap / diameter - s.radius, column = x + tap % diameter - s.radius;
        return row >= 0 && row < s.height && column >= 0 && column < s.columns;
    }
    __device__ T product(const T* centre, const T* around, int64_t channels) const {
        T sum = 0;
        for (int64_t channel = 0; channel < channels; ++channel)
            sum += centre[channel * plane] * around[channel * paddedPlane];
        return sum;
    }
    __device__ T bias(const T* slopes, int tap) const {
        const int64_t row = tap / diameter - s.radius, column = tap % diameter - s.radius;
        const T* own = slopes + 2 * (map % s.heads);
        return own[0] * T(row < 0 ? -row : row) + own[1] * T(column < 0 ? -column : column);
    }
    // out[c] = factor Σ weight neighbour[c]
    __device__ void sums(const T* weight, const T* around, int64_t channels, T factor, T* out) const {
        for (int64_t channel = 0; channel < channels; ++channel) {
            T sum = 0;
            for (int tap = 0; tap < taps; ++tap)
                sum += weight[tap] * around[padded(channels, tap) + channel * paddedPlane];
            out[plain(channels) + channel * plane] = sum * factor;
        }
    }
};

// One thread for one position of one head; grid: columns, rows of all maps (strided).
template <typename T>
__global__ void forward(LocalAttentionArguments<T> a) {
    const int64_t x = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (x >= a.sizes.columns)
        return;
    for (int64_t index = blockIdx.y; index < a.sizes.maps * a.sizes.height; index += gridDim.y) {
        const Window<T> window(a.sizes, index, x);
        T weight[kMaxTaps];
        T largest = -INFINITY, total = 0;
        for (int tap = 0; tap < window.taps; ++tap) {
            weight[tap] = -INFINITY;
            if (window.inside(tap))
                weight[tap] =
                    a.scale * window.product(a.query + window.plain(a.sizes.width),
                                             a.key + window.padded(a.sizes.width, tap), a.sizes.width) -
                    window.bias(a.slopes, tap);
            largest = weight[tap] > largest ? weight[tap] : largest;
        }
        for (int tap = 0; tap < window.taps; ++tap) {
            weight[tap] = exponential(weight[tap] - largest);
            total += weight[tap];
        }
        for (int tap = 0; tap < window.taps; ++tap)
            weight[tap] /= total;
        a.logSum[window.plain(1)] = largest + logarithm(total);
        window.sums(weight, a.value, a.sizes.valueWidth, T(1), a.out);
    }
}

template <typename T>
__global__ void queryGradient(LocalAttentionQueryGradArguments<T> a) {
    const int64_t x = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (x >= a.sizes.columns)
        return;
    const int64_t width = a.sizes.width, valueWidth = a.sizes.valueWidth;
    for (int64_t index = blockIdx.y; index < a.sizes.maps * a.sizes.height; index += gridDim.y) {
        const Window<T> window(a.sizes, index, x);
        T weight[kMaxTaps], product[kMaxTaps];
        T mean = 0;
        for (int tap = 0; tap < window.taps; ++tap) {
            weight[tap] = product[tap] = 0;
            if (!window.inside(tap))
                continue;
            const T score = a.scale * window.product(a.query + window.plain(width),
                                                     a.key + window.padded(width, tap), width) -
                            window.bias(a.slopes, tap);
            weight[tap] = exponential(score - a.logSum[window.plain(1)]);
            product[tap] = window.product(a.gradOut + window.plain(valueWidth),
                                          a.value + window.padded(valueWidth, tap), valueWidth);
            mean += weight[tap] * product[tap];
        }
        for (int tap = 0; tap < window.taps; ++tap)
            weight[tap] *= product[tap] - mean;
        a.products[window.plain(1)] = mean;
        window.sums(weight, a.key, width, a.scale, a.gradQuery);
    }
}

template <typename T>
__global__ void keyGradient(LocalAttentionKeyGradArguments<T> a) {
    const int64_t x = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (x >= a.sizes.columns)
        return;
    const int64_t width = a.sizes.width, valueWidth = a.sizes.valueWidth;
    for (int64_t index = blockIdx.y; index < a.sizes.maps * a.sizes.height; index += gridDim.y) {
        const Window<T> window(a.sizes, index, x);
        T weight[kMaxTaps], product[kMaxTaps];
        for (int tap = 0; tap < window.taps; ++tap) {
            weight[tap] = product[tap] = 0;
            if (!window.inside(tap))
                continue;
            const T score = a.scale * window.product(a.key + window.plain(width),
                                                     a.query + window.padded(width, tap), width) -
                            window.bias(a.slopes, tap);
            const int64_t place = window.padded(1, tap);
            weight[tap] = exponential(score - a.logSum[place]);
            product[tap] =
                weight[tap] * (window.product(a.value + window.plain(valueWidth),
                                              a.gradOut + window.padded(valueWidth, tap), valueWidth) -
                               a.products[place]);
        }
        window.sums(weight, a.gradOut, valueWidth, T(1), a.gradValue);
        window.sums(product, a.query, width, a.scale, a.gradKey);
    }
}

dim3 gridFor(const LocalAttentionSizes& s) {
    const int64_t rows = s.maps * s.height;
    return dim3(blocksFor(s.columns, kThreads), unsigned(rows < 65535 ? rows : 65535));
}

}  // namespace

template <typename T>
void localAttentionCuda(const LocalAttentionArguments<T>& arguments, void* stream) {
    forward<T><<<gridFor(arguments.sizes), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
}
template <typename T>
void localAttentionGradCuda(const LocalAttentionQueryGradArguments<T>& arguments, void* stream) {
    queryGradient<T><<<gridFor(arguments.sizes), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
}
template <typename T>
void localAttentionGradCuda(const LocalAttentionKeyGradArguments<T>& arguments, void* stream) {
    keyGradient<T><<<gridFor(arguments.sizes), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
}

template void localAttentionCuda(const LocalAttentionArguments<float>&, void*);
template void localAttentionCuda(const LocalAttentionArguments<double>&, void*);
template void localAttentionGradCuda(const LocalAttentionQueryGradArguments<float>&, void*);
template void localAttentionGradCuda(const LocalAttentionQueryGradArguments<double>&, void*);
template void localAttentionGradCuda(const LocalAttentionKeyGradArguments<float>&, void*);
template void localAttentionGradCuda(const LocalAttentionKeyGradArguments<double>&, void*);

}  // namespace vitrine::kernels
