#include "kernels/common/cuda_element.cuh"
#include "kernels/jbu/jbu.h"

namespace vitrine::kernels {
namespace {

constexpr int kMaxTaps = (2 * kMaxRadius + 1) * (2 * kMaxRadius + 1);

__device__ inline float exponential(float x) {
    return expf(x);
}
__device__ inline double exponential(double x) {
    return exp(x);
}
__device__ inline void put(float* to, float value) {
    *to = value;
}
__device__ inline void put(double* to, double value) {
    *to = value;
}
__device__ inline void put(Half* to, float value) {
    to->bits = __half_as_ushort(__float2half_rn(value));
}

// One thread for one pixel; its weights stay in local memory until their sum is known.
template <typename T, typename Tap, bool Learned>
__global__ void makeTaps(JbuTapArguments<T, Tap> a) {
    const int64_t x = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, y = blockIdx.y;
    if (x >= a.width)
        return;
    const int diameter = int(2 * a.radius + 1), count = diameter * diameter;
    const int64_t rowStride = a.width + 2 * a.radius;
    const int64_t planeStride = (a.height + 2 * a.radius) * rowStride;
    const T* centre = a.guidance + (y + a.radius) * rowStride + x + a.radius;
    T weight[kMaxTaps];
    T largest = -INFINITY;
    for (int tap = 0; tap < count; ++tap) {
        const T* neighbour = a.guidance + (y + tap / diameter) * rowStride + x + tap % diameter;
        T sum = 0;
        for (int64_t channel = 0; channel < a.channels; ++channel) {
            const T p = centre[channel * planeStride], q = neighbour[channel * planeStride];
            sum += Learned ? p * q : -(p - q) * (p - q);
        }
        weight[tap] = sum * a.range;
        largest = weight[tap] > largest ? weight[tap] : largest;
    }
    if (!Learned)
        largest = 0;
    T denominator = 0, total = 0;
    for (int tap = 0; tap < count; ++tap) {
        const T dy = a.radius ? T(tap / diameter - a.radius) / T(a.radius) : T(0);
        const T dx = a.radius ? T(tap % diameter - a.radius) / T(a.radius) : T(0);
        const T range = exponential(weight[tap] - largest);
        denominator += range;
        weight[tap] = range * exponential(-(dy * dy + dx * dx) / (2 * a.sigmaSpatial * a.sigmaSpatial));
        total += weight[tap];
    }
    const T softmax = Learned ? 1 / denominator : T(1);
    total *= softmax;
    const T scale = softmax / (total < T(1e-7) ? T(1e-7) : total);
    for (int tap = 0; tap < count; ++tap)
        put(a.taps + (y * count + tap) * a.width + x, weight[tap] * scale);
}

template <bool Learned, typename T, typename Tap>
void launch(const JbuTapArguments<T, Tap>& arguments, void* stream) {
    const dim3 grid(blocksFor(arguments.width, 64), unsigned(arguments.height));
    makeTaps<T, Tap, Learned><<<grid, 64, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
}

}  // namespace

template <typename T, typename Tap>
void jbuLearnedTapsCuda(const JbuTapArguments<T, Tap>& arguments, void* stream) {
    launch<true>(arguments, stream);
}
template <typename T, typename Tap>
void jbuGuidedTapsCuda(const JbuTapArguments<T, Tap>& arguments, void* stream) {
    launch<false>(arguments, stream);
}

template void jbuLearnedTapsCuda(const JbuTapArguments<float, float>&, void*);
template void jbuLearnedTapsCuda(const JbuTapArguments<float, Half>&, void*);
template void jbuLearnedTapsCuda(const JbuTapArguments<double, double>&, void*);
template void jbuGuidedTapsCuda(const JbuTapArguments<float, float>&, void*);
template void jbuGuidedTapsCuda(const JbuTapArguments<float, Half>&, void*);
template void jbuGuidedTapsCuda(const JbuTapArguments<double, double>&, void*);

}  // namespace vitrine::kernels
