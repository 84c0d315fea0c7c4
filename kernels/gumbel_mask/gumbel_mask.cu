#include "kernels/common/cuda_element.cuh"
#include "kernels/gumbel_mask/gumbel_mask.h"
#include "kernels/sparse24/sparse24.h"

namespace vitrine::kernels {
namespace {

constexpr int kThreads = 256;

__device__ void philox(uint64_t seed, uint64_t group, uint32_t number, uint32_t (&words)[4]) {
    uint32_t c0 = uint32_t(group), c1 = uint32_t(group >> 32), c2 = number, c3 = 0;
    uint32_t key0 = uint32_t(seed), key1 = uint32_t(seed >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round) {
        const uint32_t high0 = __umulhi(c0, 0xD2511F53u), low0 = c0 * 0xD2511F53u;
        const uint32_t high1 = __umulhi(c2, 0xCD9E8D57u), low1 = c2 * 0xCD9E8D57u;
        c0 = high1 ^ c1 ^ key0;
        c1 = low1;
        c2 = high0 ^ c3 ^ key1;
        c3 = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

__device__ inline float logarithm(float x) {
    return logf(x);
}
__device__ inline double logarithm(double x) {
    return log(x);
}
__device__ inline float exponential(float x) {
    return expf(x);
}
__device__ inline double exponential(double x) {
    return exp(x);
}

template <typename T, int Count>
__device__ void scoresOf(const T* logits, uint64_t seed, int64_t group, T kappa, T tau, T (&z)[Count]) {
    uint32_t words[4];
    for (int k = 0; k < Count; ++k) {
        if (k % 4 == 0)
            philox(seed, uint64_t(group), uint32_t(k / 4), words);
        T u = (T(words[k % 4]) + T(0.5)) * T(2.3283064365386963e-10);
        u = u < T(kLeastUniform) ? T(kLeastUniform) : u;
        u = u > T(kMostUniform) ? T(kMostUniform) : u;
        z[k] = (kappa * logits[group * Count + k] - logarithm(-logarithm(u))) / tau;
    }
}

template <typename T, int Count>
__device__ void softmax(T (&z)[Count]) {
    T largest = z[0], sum = 0;
    for (int k = 1; k < Count; ++k)
        largest = z[k] > largest ? z[k] : largest;
    for (int k = 0; k < Count; ++k)
        sum += z[k] = exponential(z[k] - largest);
    for (int k = 0; k < Count; ++k)
        z[k] /= sum;
}

template <typename T, int Count>
__device__ void largestOnly(T (&z)[Count]) {
    int best = 0;
    for (int k = 1; k < Count; ++k)
        best = z[k] > z[best] ? k : best;
    for (int k = 0; k < Count; ++k)
        z[k] = k == best ? T(1) : T(0);
}

template <int Count>
__device__ bool keeps(int candidate, int column) {
    return Count == 4 ? candidate == column : (keptBits24(unsigned(candidate)) >> column & 1) != 0;
}

// One thread for one group: six logits in, four numbers out.
template <typename T, int Count>
__global__ void forward(GumbelMaskArguments<T> a) {
    const int64_t group = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (group >= a.groups)
        return;
    T y[Count];
    scoresOf<T, Count>(a.logits, a.seed, group, a.kappa, a.tau, y);
    if (a.hard)
        largestOnly<T, Count>(y);
    else
        softmax<T, Count>(y);
    for (int column = 0; column < 4; ++column) {
        T mask = 0;
        for (int k = 0; k < Count; ++k)
            mask += keeps<Count>(k, column) ? y[k] : T(0);
        a.out[4 * group + column] = a.weight ? mask * a.weight[4 * group + column] : mask;
    }
}

template <typename T, int Count>
__global__ void backward(GumbelMaskGradArguments<T> a) {
    const int64_t group = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (group >= a.groups)
        return;
    T y[Count], along[Count], grad[4], mean = 0;
    for (int column = 0; column < 4; ++column)
        grad[column] = a.grad[4 * group + column] * (a.weight ? a.weight[4 * group + column] : T(1));
    scoresOf<T, Count>(a.logits, a.seed, group, a.kappa, a.tau, y);
    softmax<T, Count>(y);
    for (int k = 0; k < Count; ++k) {
        along[k] = 0;
        for (int column = 0; column < 4; ++column)
            along[k] += keeps<Count>(k, column) ? grad[column] : T(0);
        mean += y[k] * along[k];
    }
    for (int k = 0; k < Count; ++k)
        a.gradLogits[group * Count + k] = a.kappa / a.tau * y[k] * (along[k] - mean);
}

}  // namespace

template <typename T>
void gumbelMaskCuda(const GumbelMaskArguments<T>& a, int64_t candidates, void* stream) {
    const auto queue = static_cast<cudaStream_t>(stream);
    const unsigned blocks = blocksFor(a.groups, kThreads);
    if (candidates == 4)
        forward<T, 4><<<blocks, kThreads, 0, queue>>>(a);
    else
        forward<T, 6><<<blocks, kThreads, 0, queue>>>(a);
}

template <typename T>
void gumbelMaskGradCuda(const GumbelMaskGradArguments<T>& a, int64_t candidates, void* stream) {
    const auto queue = static_cast<cudaStream_t>(stream);
    const unsigned blocks = blocksFor(a.groups, kThreads);
    if (candidates == 4)
        backward<T, 4><<<blocks, kThreads, 0, queue>>>(a);
    else
        backward<T, 6><<<blocks, kThreads, 0, queue>>>(a);
}

template void gumbelMaskCuda(const GumbelMaskArguments<float>&, int64_t, void*);
template void gumbelMaskCuda(const GumbelMaskArguments<double>&, int64_t, void*);
template void gumbelMaskGradCuda(const GumbelMaskGradArguments<float>&, int64_t, void*);
template void gumbelMaskGradCuda(const GumbelMaskGradArguments<double>&, int64_t, void*);

}  // namespace vitrine::kernels
