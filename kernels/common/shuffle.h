// Lanes of vectors by indices that are known at run time only.
#pragma once

#include "kernels/common/simd.h"

namespace vitrine::kernels::simd {

// result[i] = v[index[i]]; indices have as many bits as the lanes and lie inside.
template <typename V, typename I>
VITRINE_INLINE V shuffled(V v, I index) {
#if defined(__clang__)
    V result = v;
    for (unsigned lane = 0; lane < sizeof(V) / sizeof(v[0]); ++lane)
        result[lane] = v[index[lane]];
    return result;
#else
    return __builtin_shuffle(v, index);
#endif
}

// The same from two vectors behind one another.
template <typename V, typename I>
VITRINE_INLINE V shuffled(V first, V second, I index) {
#if defined(__clang__)
    constexpr unsigned kLanes = sizeof(V) / sizeof(first[0]);
    V result = first;
    for (unsigned lane = 0; lane < kLanes; ++lane)
        result[lane] =
            unsigned(index[lane]) < kLanes ? first[index[lane]] : second[unsigned(index[lane]) - kLanes];
    return result;
#else
    return __builtin_shuffle(first, second, index);
#endif
}

}  // namespace vitrine::kernels::simd
