#include "kernels/jbu/jbu.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace vitrine::kernels {
namespace {

constexpr int64_t kTile = 64;  // pixels of one row whose taps are widened once and used by all channels

// A vector of taps in the accumulation type.
template <int Bytes, typename T, typename Tap>
VITRINE_INLINE simd::Vec<T, Bytes> loadTaps(const Tap* taps) {
    if constexpr (sizeof(Tap) == sizeof(T))
        return simd::load<simd::Vec<T, Bytes>>(taps);
    else if constexpr (Bytes == sizeof(T))
        return simd::Vec<T, Bytes>{toFloat(*taps)};
    else
        return fromHalfBits<Bytes>(simd::load<simd::Vec<uint16_t, Bytes / 2>>(taps));
}

// Taps of `size` pixels of one row as (tap, kTile) in the accumulation type.
template <int Bytes, typename T, typename Tap>
VITRINE_INLINE void gatherTaps(const Tap* taps, const TapStrides& strides, int64_t tapCount, int64_t size,
                               T* out) {
    for (int64_t tap = 0; tap < tapCount; ++tap, out += kTile) {
        const Tap* source = taps + tap * strides.tap;
        if constexpr (sizeof(Tap) == sizeof(T)) {
            if (strides.column == 1)
                std::memcpy(out, source, size_t(size) * sizeof(T));
            else
                for (int64_t x = 0; x < size; ++x)
                    out[x] = source[x * strides.column];
        } else {
            constexpr int64_t kLanes = Bytes / sizeof(T);
            int64_t x = 0;
            if (strides.column == 1)
                for (; x + kLanes <= size; x += kLanes)
                    simd::store(out + x, loadTaps<Bytes, T>(source + x));
            for (; x < size; ++x)
                out[x] = toFloat(source[x * strides.column]);
        }
    }
}

template <typename T, typename Tap>
struct ForwardBody {
    using Arguments = AdaptiveConvArguments<T, Tap>;

    // `Channels` channels of one vector of pixels; the sums stay in registers while the window is walked.
    template <int Bytes, int Channels>
    static VITRINE_INLINE void block(const Arguments& a, const T* taps, const T* input, T* out) {
        using V = simd::Vec<T, Bytes>;
        const int64_t rowStride = a.width + a.tapColumns - 1;
        const int64_t planeStride = (a.height + a.tapRows - 1) * rowStride;
        V sum[Channels] = {};
        const T* weight = taps;
        for (int64_t i = 0; i < a.tapRows; ++i)
            for (int64_t j = 0; j < a.tapColumns; ++j, weight += kTile) {
                const V w = simd::load<V>(weight);
                const T* x = input + i * rowStride + j;
#pragma GCC unroll 8
                for (int c = 0; c < Channels; ++c)
                    sum[c] += w * simd::load<V>(x + c * planeStride);
            }
#pragma GCC unroll 8
        for (int c = 0; c < Channels; ++c)
            simd::store(out + c * a.height * a.width, sum[c]);
    }

    template <int Bytes>
    static VITRINE_INLINE void allChannels(const Arguments& a, const T* taps, const T* input, T* out) {
        const int64_t rowStride = a.width + a.tapColumns - 1;
        const int64_t planeStride = (a.height + a.tapRows - 1) * rowStride;
        int64_t channel = 0;
        for (; channel + 8 <= a.channels; channel += 8)
            block<Bytes, 8>(a, taps, input + channel * planeStride, out + channel * a.height * a.width);
        for (; channel + 3 <= a.channels; channel += 3)
            block<Bytes, 3>(a, taps, input + channel * planeStride, out + channel * a.height * a.width);
        for (; channel < a.channels; ++channel)
            block<Bytes, 1>(a, taps, input + channel * planeStride, out + channel * a.height * a.width);
    }

    // One row of few channels: the taps, which are most of what is read, pass once and in the order in which
    // they lie in memory, a row of the window at a time; the sums wait in the result.
    template <int Bytes, int Channels>
    static VITRINE_INLINE void streamRow(const Arguments& a, const Tap* taps, const T* input, T* out) {
        using V = simd::Vec<T, Bytes>;
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(T));
        const int64_t rowStride = a.width + a.tapColumns - 1;
        const int64_t planeStride = (a.height + a.tapRows - 1) * rowStride, outStride = a.height * a.width;
        const int64_t whole = a.width - a.width % kLanes;
        for (int64_t i = 0; i < a.tapRows; ++i, taps += a.tapColumns * a.strides.tap, input += rowStride)
            for (int64_t x = 0; x < whole; x += kLanes) {
                V sum[Channels];
                for (int c = 0; c < Channels; ++c)
                    sum[c] = i == 0 ? V{} : simd::load<V>(out + c * outStride + x);
                for (int64_t j = 0; j < a.tapColumns; ++j) {
                    const V w = loadTaps<Bytes, T>(taps + j * a.strides.tap + x);
                    for (int c = 0; c < Channels; ++c)
                        sum[c] += w * simd::load<V>(input + c * planeStride + x + j);
                }
                for (int c = 0; c < Channels; ++c)
                    simd::store(out + c * outStride + x, sum[c]);
            }
    }

    // What streamRow leaves over at the end of a row that is no multiple of a vector.
    static VITRINE_INLINE void rowEnd(const Arguments& a, int64_t from, const Tap* taps, const T* input,
                                      T* out) {
        const int64_t rowStride = a.width + a.tapColumns - 1;
        const int64_t planeStride = (a.height + a.tapRows - 1) * rowStride;
        for (int64_t c = 0; c < a.channels; ++c)
            for (int64_t x = from; x < a.width; ++x) {
                T sum = 0;
                for (int64_t i = 0; i < a.tapRows; ++i)
                    for (int64_t j = 0; j < a.tapColumns; ++j)
                        sum += loadTaps<sizeof(T), T>(taps + (i * a.tapColumns + j) * a.strides.tap + x)[0] *
                               input[c * planeStride + i * rowStride + x + j];
                out[c * a.height * a.width + x] = sum;
            }
    }

    // True if the row was done here.
    template <int Bytes>
    static VITRINE_INLINE bool streamed(const Arguments& a, const Tap* taps, const T* input, T* out) {
        if (a.strides.column != 1)
            return false;
        switch (a.channels) {
            case 1:
                streamRow<Bytes, 1>(a, taps, input, out);
                break;
            case 2:
                streamRow<Bytes, 2>(a, taps, input, out);
                break;
            case 3:
                streamRow<Bytes, 3>(a, taps, input, out);
                break;
            case 4:
                streamRow<Bytes, 4>(a, taps, input, out);
                break;
            default:
                return false;
        }
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(T));
        rowEnd(a, a.width - a.width % kLanes, taps, input, out);
        return true;
    }

    // Rows begin..end of all pictures of the batch.
    template <int Bytes>
    static VITRINE_INLINE void run(const Arguments* a, T* taps, int64_t begin, int64_t end) {
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const int64_t rowStride = a->width + a->tapColumns - 1;
        const int64_t planeStride = (a->height + a->tapRows - 1) * rowStride;
        for (int64_t row = begin; row < end; ++row) {
            const int64_t b = row / a->height, y = row % a->height;
            const T* input = a->input + b * a->channels * planeStride + y * rowStride;
            T* out = a->out + (b * a->channels * a->height + y) * a->width;
            if (streamed<Bytes>(*a, a->taps + b * a->strides.batch + y * a->strides.row, input, out))
                continue;
            for (int64_t start = 0; start < a->width; start += kTile) {
                const int64_t size = std::min(kTile, a->width - start);
                gatherTaps<Bytes>(
                    a->taps + b * a->strides.batch + y * a->strides.row + start * a->strides.column,
                    a->strides, a->tapRows * a->tapColumns, size, taps);
                int64_t x = 0;
                for (; x + kLanes <= size; x += kLanes)
                    allChannels<Bytes>(*a, taps + x, input + start + x, out + start + x);
                for (; x < size; ++x)
                    allChannels<sizeof(T)>(*a, taps + x, input + start + x, out + start + x);
            }
        }
    }
};

}  // namespace

template <typename T, typename Tap>
void adaptiveConvCpu(const AdaptiveConvArguments<T, Tap>& arguments) {
    at::parallel_for(0, arguments.batch * arguments.height, 4, [&](int64_t begin, int64_t end) {
        std::vector<T> taps(size_t(arguments.tapRows * arguments.tapColumns * kTile));
        simd::dispatch<ForwardBody<T, Tap>>(&arguments, taps.data(), begin, end);
    });
}

template void adaptiveConvCpu(const AdaptiveConvArguments<float, float>&);
template void adaptiveConvCpu(const AdaptiveConvArguments<float, Half>&);
template void adaptiveConvCpu(const AdaptiveConvArguments<double, double>&);

}  // namespace vitrine::kernels
