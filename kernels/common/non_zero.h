// Whether a weight is there: neither zero nor minus zero, without a conversion to float.
#pragma once

#include "kernels/common/element.h"
#include "kernels/common/simd.h"

namespace vitrine::kernels {

template <typename T>
VITRINE_INLINE bool isNonZero(T value) {
    return value != T(0);
}
VITRINE_INLINE bool isNonZero(Half value) {
    return (value.bits & 0x7fff) != 0;
}
VITRINE_INLINE bool isNonZero(BFloat16 value) {
    return (value.bits & 0x7fff) != 0;
}

}  // namespace vitrine::kernels
