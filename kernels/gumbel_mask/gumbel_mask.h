// Relaxed choice of a mask for every group of four weights (MaskLLM, Fang et al. 2024): Gumbel noise, softmax
// over the candidate patterns and the mask that they mix, in one pass.
//   z_k = (kappa logits_k + g_k) / tau,   g = -log(-log u),   y = softmax(z),   mask = sum_k y_k pattern_k
// With six candidates the patterns are those of 2:4 in the order of sparse24.h; with four they are the single
// columns (1:4). The gradient needs nothing but the logits and the seed: the noise is made again,
//   dL/dlogits_k = kappa / tau * y_k (d_k - sum_j y_j d_j),   d_k = <dL/dmask, pattern_k>.
//
// Noise: Philox-4x32 with 7 rounds (Salmon et al. 2011), counter (group, draw, 0, 0), key = seed: the same
// numbers on every device, whatever the threads. u = (word + 0.5) / 2^32, limited to [1e-10, 1 - 1e-7].
#pragma once

#include "kernels/common/host_device.h"
#include "kernels/common/simd.h"

namespace vitrine::kernels {

template <typename T>
struct GumbelMaskArguments {
    const T* logits;  // (groups, candidates)
    const T* weight;  // (groups, 4) or null: the mask is multiplied by it
    T* out;           // (groups, 4)
    int64_t groups;
    uint64_t seed;
    T kappa, tau;
    bool hard;  // the pattern of the largest z alone (its gradient is that of the soft mask)
};

template <typename T>
struct GumbelMaskGradArguments {
    const T* grad;    // of out (groups, 4)
    const T* logits;  // (groups, candidates)
    const T* weight;  // as in the forward pass
    T* gradLogits;    // (groups, candidates)
    int64_t groups;
    uint64_t seed;
    T kappa, tau;
};

constexpr int kPhiloxRounds = 7;
constexpr double kLeastUniform = 1e-10, kMostUniform = 1 - 1e-7;

// candidates: 6 or 4. T: float or double. Threaded.
template <typename T>
void gumbelMaskCpu(const GumbelMaskArguments<T>& arguments, int64_t candidates);
template <typename T>
void gumbelMaskGradCpu(const GumbelMaskGradArguments<T>& arguments, int64_t candidates);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. Neither waits.
template <typename T>
void gumbelMaskCuda(const GumbelMaskArguments<T>& arguments, int64_t candidates, void* stream);
template <typename T>
void gumbelMaskGradCuda(const GumbelMaskGradArguments<T>& arguments, int64_t candidates, void* stream);

}  // namespace vitrine::kernels
