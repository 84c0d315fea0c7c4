// Element access of the CUDA kernels.
#pragma once

#include "kernels/common/element.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace vitrine::kernels {

__device__ inline float wide(float value) {
    return value;
}
__device__ inline double wide(double value) {
    return value;
}
__device__ inline float wide(Half value) {
    return __half2float(__ushort_as_half(value.bits));
}
__device__ inline float wide(BFloat16 value) {
    return __bfloat162float(__ushort_as_bfloat16(value.bits));
}

inline unsigned blocksFor(int64_t count, int64_t threads) {
    return unsigned((count + threads - 1) / threads);
}

}  // namespace vitrine::kernels
