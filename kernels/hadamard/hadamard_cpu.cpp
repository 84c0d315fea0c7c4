#include "kernels/common/shuffle.h"
#include "kernels/hadamard/hadamard.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

namespace vitrine::kernels {
namespace {

constexpr int64_t kGrainElements = 1 << 15;  // per task

template <typename T>
struct Body {
    using Real = typename Accumulated<T>::type;
    using Integer = std::conditional_t<sizeof(Real) == 8, int64_t, int32_t>;

    template <int Bytes, int Stride, int... Lane>
    static VITRINE_INLINE simd::Vec<Real, Bytes> laneStage(simd::Vec<Real, Bytes> v,
                                                           std::integer_sequence<int, Lane...>) {
        const simd::Vec<Integer, Bytes> partner{(Lane ^ Stride)...};
        const simd::Vec<Real, Bytes> sign{((Lane & Stride) ? Real(-1) : Real(1))...};
        return simd::shuffled(v, partner) + sign * v;
    }
    // Stages of strides 1 .. lanes / 2, all inside one vector.
    template <int Bytes, int Stride = 1>
    static VITRINE_INLINE simd::Vec<Real, Bytes> laneStages(simd::Vec<Real, Bytes> v) {
        constexpr int kLanes = Bytes / int(sizeof(Real));
        if constexpr (Stride < kLanes)
            return laneStages<Bytes, 2 * Stride>(
                laneStage<Bytes, Stride>(v, std::make_integer_sequence<int, kLanes>()));
        else
            return v;
    }

    // The butterflies of `Radix` values.
    template <int Radix, typename Value>
    static VITRINE_INLINE void butterflies(Value (&v)[Radix]) {
        for (int stride = 1; stride < Radix; stride *= 2)
            for (int first = 0; first < Radix; ++first)
                if (!(first & stride)) {
                    const Value sum = v[first] + v[first + stride];
                    v[first + stride] = v[first] - v[first + stride];
                    v[first] = sum;
                }
    }

    // Strides 1 .. Radix * lanes / 2 of inner = 1: Radix neighbouring vectors at a time.
    template <int Bytes, int Radix>
    static VITRINE_INLINE void firstPass(const Real* from, Real* to, int64_t count, Real scale) {
        using V = simd::Vec<Real, Bytes>;
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(Real));
        for (int64_t start = 0; start < count; start += Radix * kLanes) {
            V v[Radix];
            for (int index = 0; index < Radix; ++index)
                v[index] = laneStages<Bytes>(simd::load<V>(from + start + index * kLanes) * scale);
            butterflies<Radix>(v);
            for (int index = 0; index < Radix; ++index)
                simd::store(to + start + index * kLanes, v[index]);
        }
    }

    // Strides stride .. Radix * stride / 2. Rows of `stride` neighbouring values are combined as wholes.
    template <int Bytes, int Radix>
    static VITRINE_INLINE void pass(const Real* from, Real* to, int64_t count, int64_t stride, Real scale) {
        using V = simd::Vec<Real, Bytes>;
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(Real));
        for (int64_t start = 0; start < count; start += Radix * stride) {
            int64_t offset = start;
            for (; offset + kLanes <= start + stride; offset += kLanes) {
                V v[Radix];
                for (int index = 0; index < Radix; ++index)
                    v[index] = simd::load<V>(from + offset + index * stride) * scale;
                butterflies<Radix>(v);
                for (int index = 0; index < Radix; ++index)
                    simd::store(to + offset + index * stride, v[index]);
            }
            for (; offset < start + stride; ++offset) {
                Real v[Radix];
                for (int index = 0; index < Radix; ++index)
                    v[index] = from[offset + index * stride] * scale;
                butterflies<Radix>(v);
                for (int index = 0; index < Radix; ++index)
                    to[offset + index * stride] = v[index];
            }
        }
    }

    // Stages from `stride` on; the scale goes into the first pass that is made.
    template <int Bytes>
    static VITRINE_INLINE void passes(const Real* from, Real* to, int64_t count, int64_t stride, Real scale) {
        while (stride < count) {
            if (count / stride >= 8) {
                pass<Bytes, 8>(from, to, count, stride, scale);
                stride *= 8;
            } else if (count / stride >= 4) {
                pass<Bytes, 4>(from, to, count, stride, scale);
                stride *= 4;
            } else {
                pass<Bytes, 2>(from, to, count, stride, scale);
                stride *= 2;
            }
            from = to;
            scale = 1;
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void transform(const Real* from, Real* to, int64_t order, int64_t inner,
                                         Real scale) {
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(Real));
        const int64_t count = order * inner;
        if (order == 1) {
            for (int64_t index = 0; index < count; ++index)
                to[index] = from[index] * scale;
        } else if (inner > 1 || order < kLanes) {
            passes<Bytes>(from, to, count, inner, scale);
        } else if (order >= 8 * kLanes) {
            firstPass<Bytes, 8>(from, to, count, scale);
            passes<Bytes>(to, to, count, 8 * kLanes, 1);
        } else {
            firstPass<Bytes, 1>(from, to, count, scale);
            passes<Bytes>(to, to, count, kLanes, 1);
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const HadamardArguments<T>* a, int64_t begin, int64_t end) {
        const int64_t count = a->order * a->inner;
        for (int64_t row = begin; row < end; ++row) {
            Real* to = a->out + row * count;
            const Real* from = widened(a->input + row * count, count, to);
            transform<Bytes>(from, to, a->order, a->inner, a->scale);
        }
    }
};

}  // namespace

template <typename T>
void hadamardCpu(const HadamardArguments<T>& arguments) {
    const int64_t grain = std::max<int64_t>(1, kGrainElements / (arguments.order * arguments.inner));
    at::parallel_for(0, arguments.rows, grain,
                     [&](int64_t begin, int64_t end) { simd::dispatch<Body<T>>(&arguments, begin, end); });
}

template void hadamardCpu(const HadamardArguments<float>&);
template void hadamardCpu(const HadamardArguments<double>&);
template void hadamardCpu(const HadamardArguments<Half>&);
template void hadamardCpu(const HadamardArguments<BFloat16>&);

}  // namespace vitrine::kernels
