#include "kernels/common/cuda_element.cuh"
#include "kernels/jbu/jbu.h"

namespace vitrine::kernels {
namespace {

constexpr int kChannels = 8;  // channels that share one reading of the taps

// One thread for one pixel and kChannels channels. Grid: columns, rows x pictures (strided), channel groups.
template <typename T, typename Tap>
__global__ void forward(AdaptiveConvArguments<T, Tap> a) {
    const int64_t x = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t first = int64_t(blockIdx.z) * kChannels;
    if (x >= a.width)
        return;
    const int64_t rowStride = a.width + a.tapColumns - 1;
    const int64_t planeStride = (a.height + a.tapRows - 1) * rowStride;
    for (int64_t row = blockIdx.y; row < a.batch * a.height; row += gridDim.y) {
        const int64_t b = row / a.height, y = row % a.height;
        const Tap* taps = a.taps + b * a.strides.batch + y * a.strides.row + x * a.strides.column;
        const T* input = a.input + (b * a.channels + first) * planeStride + y * rowStride + x;
        T sums[kChannels] = {};
        for (int64_t i = 0; i < a.tapRows; ++i)
            for (int64_t j = 0; j < a.tapColumns; ++j, taps += a.strides.tap) {
                const T weight = wide(*taps);
                for (int channel = 0; channel < kChannels; ++channel)
                    if (first + channel < a.channels)
                        sums[channel] += weight * input[channel * planeStride + i * rowStride + j];
            }
        T* out = a.out + ((b * a.channels + first) * a.height + y) * a.width + x;
        for (int channel = 0; channel < kChannels; ++channel)
            if (first + channel < a.channels)
                out[channel * a.height * a.width] = sums[channel];
    }
}

// One thread for one input element: gathers from every output it took part in, so no atomics and the same
// result every time.
template <typename T>
__global__ void gradientOfInput(AdaptiveConvGradArguments<T> a, int64_t count) {
    const int64_t rowStride = a.width + a.tapColumns - 1, rows = a.height + a.tapRows - 1;
    const int64_t stride = int64_t(gridDim.x) * blockDim.x;
    for (int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; index < count; index += stride) {
        const int64_t column = index % rowStride, row = index / rowStride % rows,
                      plane = index / (rowStride * rows);
        const T* taps = a.taps + plane / a.channels * a.strides.batch;
        const T* grad = a.gradOut + plane * a.height * a.width;
        T sum = 0;
        for (int64_t i = 0; i < a.tapRows; ++i)
            for (int64_t j = 0; j < a.tapColumns; ++j) {
                const int64_t y = row - i, x = column - j;
                if (y >= 0 && y < a.height && x >= 0 && x < a.width)
                    sum += taps[(i * a.tapColumns + j) * a.strides.tap + y * a.strides.row +
                                x * a.strides.column] *
                           grad[y * a.width + x];
            }
        a.gradInput[index] = sum;
    }
}

// One thread for one tap of one pixel. `count` = batch x tap rows x tap columns x height x width, columns
// fastest.
template <typename T>
__global__ void gradientOfTaps(AdaptiveConvGradArguments<T> a, int64_t count) {
    const int64_t rowStride = a.width + a.tapColumns - 1;
    const int64_t planeStride = (a.height + a.tapRows - 1) * rowStride;
    const int64_t tapCount = a.tapRows * a.tapColumns;
    const int64_t stride = int64_t(gridDim.x) * blockDim.x;
    for (int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; index < count; index += stride) {
        const int64_t x = index % a.width, y = index / a.width % a.height;
        const int64_t tap = index / (a.width * a.height) % tapCount,
                      b = index / (a.width * a.height * tapCount);
        const T* input = a.input + b * a.channels * planeStride + (y + tap / a.tapColumns) * rowStride + x +
                         tap % a.tapColumns;
        const T* grad = a.gradOut + (b * a.channels * a.height + y) * a.width + x;
        T sum = 0;
        for (int64_t channel = 0; channel < a.channels; ++channel)
            sum += grad[channel * a.height * a.width] * input[channel * planeStride];
        a.gradTaps[b * a.strides.batch + tap * a.strides.tap + y * a.strides.row + x * a.strides.column] =
            sum;
    }
}

unsigned limited(int64_t blocks, int64_t most) {
    return unsigned(blocks < most ? blocks : most);
}

}  // namespace

template <typename T, typename Tap>
void adaptiveConvCuda(const AdaptiveConvArguments<T, Tap>& arguments, void* stream) {
    const dim3 grid(blocksFor(arguments.width, 64), limited(arguments.batch * arguments.height, 65535),
                    blocksFor(arguments.channels, kChannels));
    forward<T, Tap><<<grid, 64, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
}

template <typename T>
void adaptiveConvGradCuda(const AdaptiveConvGradArguments<T>& arguments, void* stream) {
    const auto queue = static_cast<cudaStream_t>(stream);
    const auto& a = arguments;
    const int64_t inputs = a.batch * a.channels * (a.height + a.tapRows - 1) * (a.width + a.tapColumns - 1);
    if (a.gradInput && inputs > 0)
        gradientOfInput<T><<<limited((inputs + 255) / 256, 65535), 256, 0, queue>>>(a, inputs);
    const int64_t taps = a.batch * a.tapRows * a.tapColumns * a.height * a.width;
    if (a.gradTaps && taps > 0)
        gradientOfTaps<T><<<limited((taps + 255) / 256, 65535), 256, 0, queue>>>(a, taps);
}

template void adaptiveConvCuda(const AdaptiveConvArguments<float, float>&, void*);
template void adaptiveConvCuda(const AdaptiveConvArguments<float, Half>&, void*);
template void adaptiveConvCuda(const AdaptiveConvArguments<double, double>&, void*);
template void adaptiveConvGradCuda(const AdaptiveConvGradArguments<float>&, void*);
template void adaptiveConvGradCuda(const AdaptiveConvGradArguments<double>&, void*);

}  // namespace vitrine::kernels
