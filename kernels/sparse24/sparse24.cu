#include "kernels/common/cuda_element.cuh"
#include "kernels/sparse24/sparse24.h"

namespace vitrine::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMaxBlocks = 8192;  // a grid-stride loop covers the rest

unsigned gridFor(int64_t count) {
    const int64_t blocks = (count + kThreads - 1) / kThreads;
    return unsigned(blocks < kMaxBlocks ? (blocks > 0 ? blocks : 1) : kMaxBlocks);
}

#define VITRINE_GRID_LOOP(index, count)                                                   \
    for (int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; index < (count); \
         index += int64_t(gridDim.x) * blockDim.x)

// One thread for one group.
template <typename T>
__global__ void search(Search24Arguments<T> a) {
    using Real = typename Accumulated<T>::type;
    const int64_t perRow = a.columns / 4;
    VITRINE_GRID_LOOP(group, a.rows * perRow) {
        Real value[4];
        for (int index = 0; index < 4; ++index) {
            Real x = wide(a.scores[4 * group + index]);
            if (a.magnitude)
                x = x < 0 ? -x : x;
            if (a.scale)
                x *= a.scale[group % perRow * 4 + index];
            value[index] = x == x ? x : Real(-INFINITY);
        }
        unsigned bits = 0;
        for (int index = 0; index < 4; ++index) {
            int rank = 0;
            for (int other = 0; other < 4; ++other)
                rank += other < index ? value[other] >= value[index] : value[other] > value[index];
            bits |= unsigned(rank < 2) << index;
        }
        a.patterns[group] = uint8_t(patternOfBits24(bits));
    }
}

template <typename T>
__device__ T zeroOf() {
    T zero{};
    return zero;
}

template <typename T>
__global__ void apply(Apply24Arguments<T> a) {
    VITRINE_GRID_LOOP(index, 4 * a.groups) {
        const bool kept = keptBits24(a.patterns[index / 4]) >> (index & 3) & 1;
        a.out[index] = kept ? a.weight[index] : zeroOf<T>();
    }
}

__device__ inline bool isNonZero(int8_t value) {
    return value != 0;
}
template <typename T>
__device__ bool isNonZero(T value) {
    return wide(value) != 0;
}

// One thread for one word of metadata.
template <typename T, typename Word>
__global__ void pack(Pack24Arguments<T, Word> a) {
    constexpr int64_t kPerWord = 2 * int64_t(sizeof(Word));
    const int64_t groups = a.columns / 4, words = words24(a.columns, kPerWord);
    VITRINE_GRID_LOOP(index, a.rows * words) {
        const int64_t row = index / words, first = index % words * kPerWord;
        unsigned word = 0;
        for (int64_t place = 0; place < kPerWord; ++place) {
            const int64_t group = first + place;
            if (group >= groups) {
                word |= metadataOfBits24(0) << (4 * place);
                continue;
            }
            const T* weight = a.weight + row * a.columns + 4 * group;
            unsigned bits = 0;
            for (int column = 0; column < 4; ++column)
                bits |= unsigned(isNonZero(weight[column])) << column;
            const unsigned code = metadataOfBits24(bits);
            word |= code << (4 * place);
            T* values = a.values + row * (a.columns / 2) + 2 * group;
            values[0] = weight[code & 3];
            values[1] = weight[code >> 2];
            if (__popc(bits) > 2)
                atomicAdd(reinterpret_cast<unsigned long long*>(a.violations), 1ULL);
        }
        a.metadata[index] = Word(word);
    }
}

template <typename T, typename Word>
__global__ void unpack(Unpack24Arguments<T, Word> a) {
    constexpr int64_t kPerWord = 2 * int64_t(sizeof(Word));
    const int64_t groups = a.columns / 4, words = words24(a.columns, kPerWord);
    VITRINE_GRID_LOOP(index, a.rows * groups) {
        const int64_t row = index / groups, group = index % groups;
        const unsigned code =
            unsigned(a.metadata[row * words + group / kPerWord]) >> (4 * (group % kPerWord)) & 15u;
        T* weight = a.weight + 4 * index;
        for (unsigned column = 0; column < 4; ++column)
            weight[column] = column == (code & 3)    ? a.values[2 * index]
                             : column == (code >> 2) ? a.values[2 * index + 1]
                                                     : zeroOf<T>();
    }
}

// A warp for one output: reference speed. Large products in 16 bits go through LibTorch's sparse tensor core
// operators instead.
template <typename T>
__global__ void product(Product24Arguments<T> a) {
    using Real = typename Accumulated<T>::type;
    const int64_t words = words24(a.columns, 4), groups = a.columns / 4;
    const int64_t warps = int64_t(gridDim.x) * blockDim.x / 32;
    const int lane = int(threadIdx.x & 31);
    for (int64_t index = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / 32; index < a.count * a.rows;
         index += warps) {
        const int64_t n = index / a.rows, row = index % a.rows;
        Real sum = 0;
        for (int64_t group = lane; group < groups; group += 32) {
            const unsigned code =
                unsigned(uint16_t(a.metadata[row * words + group / 4])) >> (4 * (group & 3)) & 15u;
            const T* values = a.values + row * (a.columns / 2) + 2 * group;
            const Real* x = a.x + n * a.columns + 4 * group;
            sum += wide(values[0]) * x[code & 3] + wide(values[1]) * x[code >> 2];
        }
        for (int distance = 16; distance > 0; distance /= 2)
            sum += __shfl_down_sync(0xffffffffu, sum, unsigned(distance));
        if (lane == 0)
            a.out[index] = sum + (a.bias ? a.bias[row] : Real(0));
    }
}

}  // namespace

template <typename T>
void search24Cuda(const Search24Arguments<T>& a, void* stream) {
    search<T><<<gridFor(a.rows * a.columns / 4), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}
template <typename T>
void apply24Cuda(const Apply24Arguments<T>& a, void* stream) {
    apply<T><<<gridFor(4 * a.groups), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}
template <typename T, typename Word>
void pack24Cuda(const Pack24Arguments<T, Word>& a, void* stream) {
    pack<T, Word><<<gridFor(a.rows * words24(a.columns, 2 * int64_t(sizeof(Word)))), kThreads, 0,
                    static_cast<cudaStream_t>(stream)>>>(a);
}
template <typename T, typename Word>
void unpack24Cuda(const Unpack24Arguments<T, Word>& a, void* stream) {
    unpack<T, Word><<<gridFor(a.rows * a.columns / 4), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}
template <typename T>
void product24Cuda(const Product24Arguments<T>& a, void* stream) {
    product<T><<<gridFor(32 * a.count * a.rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}

#define VITRINE_INSTANTIATE(T)                                           \
    template void search24Cuda(const Search24Arguments<T>&, void*);      \
    template void apply24Cuda(const Apply24Arguments<T>&, void*);        \
    template void product24Cuda(const Product24Arguments<T>&, void*);    \
    template void pack24Cuda(const Pack24Arguments<T, int16_t>&, void*); \
    template void unpack24Cuda(const Unpack24Arguments<T, int16_t>&, void*);
VITRINE_INSTANTIATE(float)
VITRINE_INSTANTIATE(double)
VITRINE_INSTANTIATE(Half)
VITRINE_INSTANTIATE(BFloat16)
#undef VITRINE_INSTANTIATE
template void pack24Cuda(const Pack24Arguments<int8_t, int32_t>&, void*);
template void unpack24Cuda(const Unpack24Arguments<int8_t, int32_t>&, void*);

}  // namespace vitrine::kernels
