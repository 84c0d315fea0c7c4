#include "kernels/jbu/jbu.h"

#include <ATen/Parallel.h>

#include <cmath>

namespace vitrine::kernels {
namespace {

constexpr int64_t kMaxDiameter = 2 * kMaxRadius + 1;

// The spatial kernel, one value for each tap: exp(-|q|^2 / (2 s^2)).
template <typename T>
struct SpatialKernel {
    T value[kMaxDiameter * kMaxDiameter];

    template <typename Tap>
    explicit SpatialKernel(const JbuTapArguments<T, Tap>& a) {
        const int64_t diameter = 2 * a.radius + 1;
        for (int64_t i = 0; i < diameter; ++i)
            for (int64_t j = 0; j < diameter; ++j) {
                const T dy = a.radius ? T(i - a.radius) / T(a.radius) : T(0);
                const T dx = a.radius ? T(j - a.radius) / T(a.radius) : T(0);
                value[i * diameter + j] = T(std::exp(-double(dy * dy + dx * dx) /
                                                     (2 * double(a.sigmaSpatial) * double(a.sigmaSpatial))));
            }
    }
};

// Runs `pixels` over every row in steps of a vector; the last step of a row overlaps its predecessor (results
// depend on the position alone), rows narrower than a vector go pixel by pixel.
template <typename Derived, typename T, typename Tap>
struct RowBody {
    template <int Bytes>
    static VITRINE_INLINE void run(const JbuTapArguments<T, Tap>* a, const SpatialKernel<T>* spatial,
                                   int64_t begin, int64_t end) {
        constexpr int64_t kLanes = Bytes / sizeof(T);
        for (int64_t y = begin; y < end; ++y) {
            if (a->width < kLanes) {
                for (int64_t x = 0; x < a->width; ++x)
                    Derived::template pixels<sizeof(T)>(*a, *spatial, y, x);
                continue;
            }
            for (int64_t x = 0; x + kLanes <= a->width; x += kLanes)
                Derived::template pixels<Bytes>(*a, *spatial, y, x);
            if (a->width % kLanes)
                Derived::template pixels<Bytes>(*a, *spatial, y, a->width - kLanes);
        }
    }
};

// Divides `weights` by their sum (at least `floor`) and writes them.
template <int Bytes, typename T, typename Tap>
VITRINE_INLINE void writeNormalized(const JbuTapArguments<T, Tap>& a, int64_t y, int64_t x,
                                    const simd::Vec<T, Bytes>* weights, T floor) {
    using V = simd::Vec<T, Bytes>;
    const int64_t count = (2 * a.radius + 1) * (2 * a.radius + 1);
    V sum = weights[0];
    for (int64_t tap = 1; tap < count; ++tap)
        sum += weights[tap];
    const V bound = sum * 0 + floor;
    const V scale = 1 / (sum < bound ? bound : sum);
    Tap* out = a.taps + y * count * a.width + x;
    for (int64_t tap = 0; tap < count; ++tap) {
        if constexpr (sizeof(Tap) == sizeof(T))
            simd::store(out + tap * a.width, weights[tap] * scale);
        else
            simd::store(out + tap * a.width, halfBits<Bytes>(weights[tap] * scale));
    }
}

template <typename T, typename Tap>
struct Learned : RowBody<Learned<T, Tap>, T, Tap> {
    template <int Bytes>
    static VITRINE_INLINE void pixels(const JbuTapArguments<T, Tap>& a, const SpatialKernel<T>& spatial,
                                      int64_t y, int64_t x) {
        using V = simd::Vec<T, Bytes>;
        const int64_t diameter = 2 * a.radius + 1;
        const int64_t rowStride = a.width + 2 * a.radius;
        const int64_t planeStride = (a.height + 2 * a.radius) * rowStride;
        V score[kMaxDiameter * kMaxDiameter];
        score[0] = V{};
        const T* centre = a.guidance + (y + a.radius) * rowStride + x + a.radius;
        for (int64_t i = 0; i < diameter; ++i)
            neighbours<Bytes>(a, a.guidance + (y + i) * rowStride + x, centre, planeStride, diameter,
                              score + i * diameter);
        V largest = score[0];
        for (int64_t tap = 1; tap < diameter * diameter; ++tap)
            largest = score[tap] > largest ? score[tap] : largest;
        // The softmax' own denominator matters only through the 1e-7 floor of the later division.
        V denominator = largest * 0;
        V weight[kMaxDiameter * kMaxDiameter];
        for (int64_t tap = 0; tap < diameter * diameter; ++tap) {
            const V range = simd::expNegative<T, Bytes>((score[tap] - largest) * a.range);
            denominator += range;
            weight[tap] = range * spatial.value[tap];
        }
        const V inverse = 1 / denominator;
        for (int64_t tap = 0; tap < diameter * diameter; ++tap)
            weight[tap] *= inverse;
        writeNormalized<Bytes>(a, y, x, weight, T(1e-7));
    }

    // Inner products of the centre with one row of the window; seven sums at a time stay in registers.
    template <int Bytes>
    static VITRINE_INLINE void neighbours(const JbuTapArguments<T, Tap>& a, const T* row, const T* centre,
                                          int64_t planeStride, int64_t diameter, simd::Vec<T, Bytes>* out) {
        using V = simd::Vec<T, Bytes>;
        if (diameter == 7) {
            V sum[7] = {};
            for (int64_t channel = 0; channel < a.channels; ++channel) {
                const V query = simd::load<V>(centre + channel * planeStride);
                const T* keys = row + channel * planeStride;
#pragma GCC unroll 7
                for (int64_t j = 0; j < 7; ++j)
                    sum[j] += query * simd::load<V>(keys + j);
            }
            for (int64_t j = 0; j < 7; ++j)
                out[j] = sum[j];
            return;
        }
        for (int64_t j = 0; j < diameter; ++j) {
            V sum = {};
            for (int64_t channel = 0; channel < a.channels; ++channel)
                sum += simd::load<V>(centre + channel * planeStride) *
                       simd::load<V>(row + channel * planeStride + j);
            out[j] = sum;
        }
    }
};

template <typename T, typename Tap>
struct Guided : RowBody<Guided<T, Tap>, T, Tap> {
    template <int Bytes>
    static VITRINE_INLINE void pixels(const JbuTapArguments<T, Tap>& a, const SpatialKernel<T>& spatial,
                                      int64_t y, int64_t x) {
        using V = simd::Vec<T, Bytes>;
        const int64_t diameter = 2 * a.radius + 1;
        const int64_t rowStride = a.width + 2 * a.radius;
        const int64_t planeStride = (a.height + 2 * a.radius) * rowStride;
        const T* centre = a.guidance + (y + a.radius) * rowStride + x + a.radius;
        V weight[kMaxDiameter * kMaxDiameter];
        for (int64_t i = 0; i < diameter; ++i)
            for (int64_t j = 0; j < diameter; ++j) {
                const T* neighbour = a.guidance + (y + i) * rowStride + x + j;
                V distance = {};
                for (int64_t channel = 0; channel < a.channels; ++channel) {
                    const V difference = simd::load<V>(centre + channel * planeStride) -
                                         simd::load<V>(neighbour + channel * planeStride);
                    distance += difference * difference;
                }
                const int64_t tap = i * diameter + j;
                weight[tap] = simd::expNegative<T, Bytes>(-distance * a.range) * spatial.value[tap];
            }
        writeNormalized<Bytes>(a, y, x, weight, T(1e-7));
    }
};

template <typename Body, typename T, typename Tap>
void overRows(const JbuTapArguments<T, Tap>& arguments) {
    const SpatialKernel<T> spatial(arguments);
    at::parallel_for(0, arguments.height, 4, [&](int64_t begin, int64_t end) {
        simd::dispatch<Body>(&arguments, &spatial, begin, end);
    });
}

}  // namespace

template <typename T, typename Tap>
void jbuLearnedTapsCpu(const JbuTapArguments<T, Tap>& arguments) {
    overRows<Learned<T, Tap>>(arguments);
}
template <typename T, typename Tap>
void jbuGuidedTapsCpu(const JbuTapArguments<T, Tap>& arguments) {
    overRows<Guided<T, Tap>>(arguments);
}

template void jbuLearnedTapsCpu(const JbuTapArguments<float, float>&);
template void jbuLearnedTapsCpu(const JbuTapArguments<float, Half>&);
template void jbuLearnedTapsCpu(const JbuTapArguments<double, double>&);
template void jbuGuidedTapsCpu(const JbuTapArguments<float, float>&);
template void jbuGuidedTapsCpu(const JbuTapArguments<float, Half>&);
template void jbuGuidedTapsCpu(const JbuTapArguments<double, double>&);

}  // namespace vitrine::kernels
