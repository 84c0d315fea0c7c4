#include "kernels/common/non_zero.h"
#include "kernels/nm_scan/nm_scan.h"

#include <ATen/Parallel.h>

#include <array>
#include <limits>
#include <mutex>

namespace vitrine::kernels {
namespace {

VITRINE_INLINE float widen(float value) {
    return value;
}
VITRINE_INLINE double widen(double value) {
    return value;
}
VITRINE_INLINE float widen(Half value) {
    return toFloat(value);
}
VITRINE_INLINE float widen(BFloat16 value) {
    return toFloat(value);
}

// Rank by counting the larger ones: m is small, and the comparison order settles ties by index.
template <int M, typename T>
VITRINE_INLINE void maskGroup(const T* scores, uint8_t* mask, int64_t n, int64_t m) {
    using Real = typename Accumulated<T>::type;
    const int64_t size = M > 0 ? M : m;
    Real value[M > 0 ? M : kMaxGroup];
    for (int64_t index = 0; index < size; ++index) {
        const Real x = widen(scores[index]);
        value[index] = x == x ? x : -std::numeric_limits<Real>::infinity();
    }
    for (int64_t index = 0; index < size; ++index) {
        int64_t rank = 0;
        for (int64_t other = 0; other < size; ++other)
            rank += other < index ? value[other] >= value[index] : value[other] > value[index];
        mask[index] = uint8_t(rank < n);
    }
}

template <typename T>
struct MaskBody {
    template <int Bytes>
    static VITRINE_INLINE void run(const T* scores, uint8_t* mask, int64_t begin, int64_t end, int64_t n,
                                   int64_t m) {
        for (int64_t group = begin; group < end; ++group) {
            if (m == 4)
                maskGroup<4>(scores + group * 4, mask + group * 4, n, m);
            else
                maskGroup<0>(scores + group * m, mask + group * m, n, m);
        }
    }
};

template <typename T>
struct ScanBody {
    template <int Bytes>
    static VITRINE_INLINE void run(const T* weight, int64_t* histogram, int64_t begin, int64_t end,
                                   int64_t m) {
        // Groups of four are counted side by side in a buffer, which vectorises; the histogram comes after.
        constexpr int64_t kBlock = 512;
        uint8_t counts[kBlock];
        for (int64_t start = begin; start < end; start += kBlock) {
            const int64_t size = start + kBlock < end ? kBlock : end - start;
            const T* values = weight + start * m;
            for (int64_t group = 0; group < size; ++group) {
                uint8_t count = 0;
                if (m == 4) {
                    for (int64_t index = 0; index < 4; ++index)
                        count = uint8_t(count + isNonZero(values[group * 4 + index]));
                } else {
                    for (int64_t index = 0; index < m; ++index)
                        count = uint8_t(count + isNonZero(values[group * m + index]));
                }
                counts[group] = count;
            }
            for (int64_t group = 0; group < size; ++group)
                ++histogram[counts[group]];
        }
    }
};

constexpr int64_t kGrain = 16384;

}  // namespace

template <typename T>
void nmMaskCpu(const T* scores, uint8_t* mask, int64_t groups, int64_t n, int64_t m) {
    at::parallel_for(0, groups, kGrain, [&](int64_t begin, int64_t end) {
        simd::dispatch<MaskBody<T>>(scores, mask, begin, end, n, m);
    });
}

template <typename T>
void nmScanCpu(const T* weight, int64_t* histogram, int64_t groups, int64_t m) {
    for (int64_t index = 0; index <= m; ++index)
        histogram[index] = 0;
    std::mutex mutex;
    at::parallel_for(0, groups, kGrain, [&](int64_t begin, int64_t end) {
        std::array<int64_t, kMaxGroup + 1> part{};
        simd::dispatch<ScanBody<T>>(weight, part.data(), begin, end, m);
        const std::lock_guard lock(mutex);
        for (int64_t index = 0; index <= m; ++index)
            histogram[index] += part[size_t(index)];
    });
}

#define VITRINE_INSTANTIATE(T)                                              \
    template void nmMaskCpu(const T*, uint8_t*, int64_t, int64_t, int64_t); \
    template void nmScanCpu(const T*, int64_t*, int64_t, int64_t);
VITRINE_INSTANTIATE(float)
VITRINE_INSTANTIATE(double)
VITRINE_INSTANTIATE(Half)
VITRINE_INSTANTIATE(BFloat16)
#undef VITRINE_INSTANTIATE

}  // namespace vitrine::kernels
