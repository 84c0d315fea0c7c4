#include "kernels/jbu/jbu.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace vitrine::kernels {
namespace {

// The gradient of the input is an adaptive convolution again: of gradOut, surrounded by zeros, with the taps
// that every input element took part in, in reverse order. Both are made for one picture at a time.
template <typename T>
struct ReversedProblem {
    int64_t height, width;   // of the input
    std::vector<T> gradOut;  // (channels, height + tap rows - 1, width + tap columns - 1)
    std::vector<T> taps;     // (height, tap rows * tap columns, width)

    explicit ReversedProblem(const AdaptiveConvGradArguments<T>& a)
        : height(a.height + a.tapRows - 1), width(a.width + a.tapColumns - 1) {
        gradOut.resize(size_t(a.channels * (height + a.tapRows - 1) * (width + a.tapColumns - 1)), T(0));
        taps.resize(size_t(height * a.tapRows * a.tapColumns * width));
    }

    void fill(const AdaptiveConvGradArguments<T>& a, int64_t picture) {
        const int64_t rowStride = width + a.tapColumns - 1,
                      planeStride = (height + a.tapRows - 1) * rowStride;
        at::parallel_for(0, a.channels, 8, [&](int64_t begin, int64_t end) {
            for (int64_t channel = begin; channel < end; ++channel)
                for (int64_t y = 0; y < a.height; ++y)
                    std::copy_n(a.gradOut + ((picture * a.channels + channel) * a.height + y) * a.width,
                                a.width,
                                gradOut.data() + channel * planeStride + (y + a.tapRows - 1) * rowStride +
                                    a.tapColumns - 1);
        });
        at::parallel_for(0, height, 4, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row)
                fillTaps(a, a.taps + picture * a.strides.batch, row);
        });
    }

  private:
    void fillTaps(const AdaptiveConvGradArguments<T>& a, const T* source, int64_t row) {
        T* out = taps.data() + row * a.tapRows * a.tapColumns * width;
        for (int64_t i = a.tapRows - 1; i >= 0; --i)
            for (int64_t j = a.tapColumns - 1; j >= 0; --j, out += width) {
                const int64_t y = row - i;
                std::fill_n(out, width, T(0));
                if (y < 0 || y >= a.height)
                    continue;
                const T* from = source + y * a.strides.row + (i * a.tapColumns + j) * a.strides.tap;
                for (int64_t x = 0; x < a.width; ++x)
                    out[x + j] = from[x * a.strides.column];
            }
    }
};

template <typename T>
void gradientOfInput(const AdaptiveConvGradArguments<T>& a) {
    ReversedProblem<T> reversed(a);
    const TapStrides strides{0, reversed.width, a.tapRows * a.tapColumns * reversed.width, 1};
    for (int64_t picture = 0; picture < a.batch; ++picture) {
        reversed.fill(a, picture);
        adaptiveConvCpu(AdaptiveConvArguments<T, T>{
            reversed.gradOut.data(), reversed.taps.data(),
            a.gradInput + picture * a.channels * reversed.height * reversed.width, strides, 1, a.channels,
            reversed.height, reversed.width, a.tapRows, a.tapColumns});
    }
}

template <typename T>
struct GradTapsBody {
    using Arguments = AdaptiveConvGradArguments<T>;

    // `Taps` neighbouring taps of one window row for one vector of pixels; the sums stay in registers.
    template <int Bytes, int Taps>
    static VITRINE_INLINE void block(const Arguments& a, const T* grad, const T* input, T* sums) {
        using V = simd::Vec<T, Bytes>;
        const int64_t planeStride = (a.height + a.tapRows - 1) * (a.width + a.tapColumns - 1);
        V sum[Taps] = {};
        for (int64_t channel = 0; channel < a.channels; ++channel) {
            const V g = simd::load<V>(grad + channel * a.height * a.width);
            const T* x = input + channel * planeStride;
#pragma GCC unroll 8
            for (int j = 0; j < Taps; ++j)
                sum[j] += g * simd::load<V>(x + j);
        }
#pragma GCC unroll 8
        for (int j = 0; j < Taps; ++j)
            simd::store(sums + j * a.width, sum[j]);
    }

    // All taps of one vector of pixels into sums (tap, width).
    template <int Bytes>
    static VITRINE_INLINE void pixels(const Arguments& a, const T* grad, const T* input, T* sums) {
        const int64_t rowStride = a.width + a.tapColumns - 1;
        for (int64_t i = 0; i < a.tapRows; ++i) {
            int64_t j = 0;
            for (; j + 7 <= a.tapColumns; j += 7)
                block<Bytes, 7>(a, grad, input + i * rowStride + j, sums + (i * a.tapColumns + j) * a.width);
            for (; j + 4 <= a.tapColumns; j += 4)
                block<Bytes, 4>(a, grad, input + i * rowStride + j, sums + (i * a.tapColumns + j) * a.width);
            for (; j < a.tapColumns; ++j)
                block<Bytes, 1>(a, grad, input + i * rowStride + j, sums + (i * a.tapColumns + j) * a.width);
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const Arguments* a, T* sums, int64_t begin, int64_t end) {
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const int64_t rowStride = a->width + a->tapColumns - 1, tapCount = a->tapRows * a->tapColumns;
        const int64_t planeStride = (a->height + a->tapRows - 1) * rowStride;
        for (int64_t row = begin; row < end; ++row) {
            const int64_t b = row / a->height, y = row % a->height;
            const T* grad = a->gradOut + (b * a->channels * a->height + y) * a->width;
            const T* input = a->input + b * a->channels * planeStride + y * rowStride;
            int64_t x = 0;
            for (; x + kLanes <= a->width; x += kLanes)
                pixels<Bytes>(*a, grad + x, input + x, sums + x);
            for (; x < a->width; ++x)
                pixels<sizeof(T)>(*a, grad + x, input + x, sums + x);
            T* out = a->gradTaps + b * a->strides.batch + y * a->strides.row;
            for (x = 0; x < a->width; ++x)
                for (int64_t tap = 0; tap < tapCount; ++tap)
                    out[x * a->strides.column + tap * a->strides.tap] = sums[tap * a->width + x];
        }
    }
};

}  // namespace

template <typename T>
void adaptiveConvGradCpu(const AdaptiveConvGradArguments<T>& arguments) {
    if (arguments.gradInput)
        gradientOfInput(arguments);
    if (arguments.gradTaps)
        at::parallel_for(0, arguments.batch * arguments.height, 1, [&](int64_t begin, int64_t end) {
            std::vector<T> sums(size_t(arguments.tapRows * arguments.tapColumns * arguments.width));
            simd::dispatch<GradTapsBody<T>>(&arguments, sums.data(), begin, end);
        });
}

template void adaptiveConvGradCpu(const AdaptiveConvGradArguments<float>&);
template void adaptiveConvGradCpu(const AdaptiveConvGradArguments<double>&);

}  // namespace vitrine::kernels
