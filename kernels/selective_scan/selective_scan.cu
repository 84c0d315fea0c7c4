// One thread for one channel, one block for a slice of the channels of a group; time runs in a loop. Inputs
// of neighbouring steps come from the cache whichever way the tensors lie. Chunks of B and C are shared by
// the block.
#include "kernels/common/cuda_element.cuh"
#include "kernels/selective_scan/selective_scan.h"

#include <type_traits>

namespace vitrine::kernels {
namespace {

constexpr int kThreads = int(kScanSlice);
constexpr int kSteps = int(kScanChunk);
constexpr unsigned kWarps = kThreads / 32;

template <typename T>
__device__ T sigmoid(T x) {
    return T(1) / (T(1) + exp(-x));
}
template <typename T>
__device__ T stepSize(T raw, bool softplus) {
    return !softplus ? raw : raw > T(20) ? raw : log1p(exp(raw));
}
// h e^x. Near 1 the factor is taken as 1 + (e^x - 1): its rounding error would have the same sign in every
// step.
template <typename T>
__device__ T decayed(T h, T x) {
    return x > T(-0.5) ? h + expm1(x) * h : exp(x) * h;
}

// What a thread works on.
template <typename T>
struct Place {
    int64_t batch, group, slice, channel;
    bool active;

    __device__ Place(const SelectiveScanSizes& s, int64_t batchIndex) : batch(batchIndex) {
        group = blockIdx.x / s.slices();
        slice = blockIdx.x % s.slices();
        const int64_t inGroup = slice * kScanSlice + threadIdx.x;
        active = inGroup < s.groupChannels();
        channel = group * s.groupChannels() + inGroup;
    }
    template <typename Element>
    __device__ Element* at(const Sequence<Element>& sequence, int64_t t) const {
        return sequence.data + batch * sequence.batchStride + channel * sequence.channelStride +
               t * sequence.timeStride;
    }
    __device__ T raw(const SelectiveScanInputs<T>& in, int64_t t) const {
        return *at(in.delta, t) + (in.deltaBias ? in.deltaBias[channel] : T(0));
    }
    __device__ int64_t row(const SelectiveScanSizes& s) const { return batch * s.channels + channel; }
};

// `from` (length, states) of the group, steps start.. -> shared (kSteps, N), zeros beyond.
template <typename T, int N>
__device__ void share(const T* from, const SelectiveScanSizes& s, int64_t start, T (*to)[N]) {
    for (int index = threadIdx.x; index < kSteps * N; index += kThreads) {
        const int t = index / N, n = index % N;
        to[t][n] = start + t < s.length && n < s.states ? from[(start + t) * s.states + n] : T(0);
    }
}

__device__ int stepsOf(const SelectiveScanSizes& s, int64_t chunk) {
    const int64_t left = s.length - chunk * kSteps;
    return int(left < kSteps ? left : kSteps);
}

template <typename T, int N>
__device__ void loadRow(const T* rows, int64_t row, int64_t states, bool active, T* to) {
#pragma unroll
    for (int n = 0; n < N; ++n)
        to[n] = rows && active && n < states ? rows[row * states + n] : T(0);
}
template <typename T, int N>
__device__ void storeRow(T* rows, int64_t row, int64_t states, const T* from) {
#pragma unroll
    for (int n = 0; n < N; ++n)
        if (n < states)
            rows[row * states + n] = from[n];
}

template <typename T, int N>
__global__ void forward(SelectiveScanArguments<T> arguments) {
    const SelectiveScanInputs<T>& in = arguments.in;
    const SelectiveScanSizes& s = in.sizes;
    __shared__ T b[kSteps][N], c[kSteps][N];
    for (int64_t batch = blockIdx.y; batch < s.batch; batch += gridDim.y) {
        const Place<T> place(s, batch);
        const int64_t offset = (batch * s.groups + place.group) * s.length * s.states;
        T a[N], h[N];
        loadRow<T, N>(in.a, place.channel, s.states, place.active, a);
        loadRow<T, N>(in.initialState, place.row(s), s.states, place.active, h);
        for (int64_t start = 0; start < s.length; start += kSteps) {
            __syncthreads();
            share<T, N>(in.b + offset, s, start, b);
            share<T, N>(in.c + offset, s, start, c);
            __syncthreads();
            for (int t = 0; place.active && t < kSteps && start + t < s.length; ++t) {
                const T u = *place.at(in.u, start + t),
                        delta = stepSize(place.raw(in, start + t), in.softplus);
                T y = in.skip ? in.skip[place.channel] * u : T(0);
#pragma unroll
                for (int n = 0; n < N; ++n) {
                    h[n] = decayed(h[n], delta * a[n]) + delta * u * b[t][n];
                    y += h[n] * c[t][n];
                }
                if (in.z.data) {
                    const T z = *place.at(in.z, start + t);
                    y *= z * sigmoid(z);
                }
                *place.at(arguments.out, start + t) = y;
            }
        }
        if (place.active)
            storeRow<T, N>(arguments.lastState, place.row(s), s.states, h);
    }
}

// Sums of `values` over the threads of the block, written by the first 2N threads to gradC and gradB at one
// step.
template <typename T, int N>
__device__ void sumOverChannels(const T* gradC, const T* gradB, T (*parts)[2 * N], int64_t states, T* outC,
                                T* outB) {
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
    for (int n = 0; n < 2 * N; ++n) {
        T value = n < N ? gradC[n] : gradB[n - N];
        for (int distance = 16; distance > 0; distance /= 2)
            value += __shfl_down_sync(0xffffffffu, value, distance);
        if (lane == 0)
            parts[warp][n] = value;
    }
    __syncthreads();
    for (int n = threadIdx.x; n < 2 * N; n += kThreads) {
        T sum = 0;
        for (unsigned w = 0; w < kWarps; ++w)
            sum += parts[w][n];
        if (n % N < states)
            (n < N ? outC : outB)[n % N] = sum;
    }
    __syncthreads();
}

// What one thread carries through the backward pass.
template <typename T, int N>
struct Backward {
    const SelectiveScanGradArguments<T>& g;
    const Place<T>& place;
    T a[N], h[N], gradH[N], gradA[N] = {};
    T skip = 0, gradSkip = 0, gradBias = 0;
    T partC[N], partB[N];             // of the gradients of C and B at one step
    T carried[kSteps][N], y[kSteps];  // of one chunk: decayed previous states, output before the gate

    __device__ Backward(const SelectiveScanGradArguments<T>& arguments, const Place<T>& where)
        : g(arguments), place(where) {
        const SelectiveScanSizes& s = g.in.sizes;
        loadRow<T, N>(g.in.a, place.channel, s.states, place.active, a);
        loadRow<T, N>(g.in.initialState, place.row(s), s.states, place.active, h);
        loadRow<T, N>(g.gradLastState, place.row(s), s.states, place.active, gradH);
        if (g.in.skip && place.active)
            skip = g.in.skip[place.channel];
    }

    __device__ T* kept(int64_t chunk, int n) const {
        const SelectiveScanSizes& s = g.in.sizes;
        return g.keptStates + ((place.batch * s.chunks() + chunk) * s.states + n) * s.channels +
               place.channel;
    }

    // Stores the states at the start of the chunk, then runs them through it.
    __device__ void keepAndAdvance(int64_t chunk, int steps, const T (*b)[N]) {
#pragma unroll
        for (int n = 0; n < N; ++n)
            if (n < g.in.sizes.states)
                *kept(chunk, n) = h[n];
        for (int t = 0; t < steps; ++t) {
            const int64_t at = chunk * kSteps + t;
            const T delta = stepSize(place.raw(g.in, at), g.in.softplus),
                    input = delta * *place.at(g.in.u, at);
#pragma unroll
            for (int n = 0; n < N; ++n)
                h[n] = decayed(h[n], delta * a[n]) + input * b[t][n];
        }
    }

    __device__ void recompute(int64_t chunk, int steps, const T (*b)[N], const T (*c)[N]) {
#pragma unroll
        for (int n = 0; n < N; ++n)
            h[n] = n < g.in.sizes.states ? *kept(chunk, n) : T(0);
        for (int t = 0; t < steps; ++t) {
            const int64_t at = chunk * kSteps + t;
            const T u = *place.at(g.in.u, at), delta = stepSize(place.raw(g.in, at), g.in.softplus);
            y[t] = skip * u;
#pragma unroll
            for (int n = 0; n < N; ++n) {
                carried[t][n] = decayed(h[n], delta * a[n]);
                h[n] = carried[t][n] + delta * u * b[t][n];
                y[t] += h[n] * c[t][n];
            }
        }
    }

    // Step t of the chunk, `at` of the sequence.
    __device__ void stepBack(int t, int64_t at, const T* b, const T* c) {
        const T u = *place.at(g.in.u, at), raw = place.raw(g.in, at), delta = stepSize(raw, g.in.softplus);
        T gradY = *place.at(g.gradOut, at);
        if (g.in.z.data) {
            const T z = *place.at(g.in.z, at), gate = sigmoid(z);
            *place.at(g.gradZ, at) = gradY * y[t] * gate * (T(1) + z * (T(1) - gate));
            gradY *= z * gate;
        }
        T gradInput = 0, gradDelta = 0;
#pragma unroll
        for (int n = 0; n < N; ++n) {
            const T gradState = gradH[n] + gradY * c[n];
            partC[n] = gradY * (carried[t][n] + delta * u * b[n]);
            partB[n] = gradState * delta * u;
            gradInput += gradState * b[n];
            gradDelta += gradState * carried[t][n] * a[n];
            gradA[n] += gradState * carried[t][n] * delta;
            gradH[n] = decayed(gradState, delta * a[n]);
        }
        *place.at(g.gradU, at) = gradY * skip + delta * gradInput;
        gradDelta = (gradDelta + u * gradInput) * (g.in.softplus ? sigmoid(raw) : T(1));
        *place.at(g.gradDelta, at) = gradDelta;
        gradSkip += gradY * u;
        gradBias += gradDelta;
    }

    __device__ void finish() const {
        const SelectiveScanSizes& s = g.in.sizes;
        storeRow<T, N>(g.gradA, place.row(s), s.states, gradA);
        storeRow<T, N>(g.gradInitialState, place.row(s), s.states, gradH);
        g.gradSkip[place.row(s)] = gradSkip;
        g.gradDeltaBias[place.row(s)] = gradBias;
    }
};

template <typename T, int N>
__global__ void backward(SelectiveScanGradArguments<T> g) {
    const SelectiveScanSizes& s = g.in.sizes;
    __shared__ T b[kSteps][N], c[kSteps][N], parts[kWarps][2 * N];
    for (int64_t batch = blockIdx.y; batch < s.batch; batch += gridDim.y) {
        const Place<T> place(s, batch);
        const int64_t group = batch * s.groups + place.group, offset = group * s.length * s.states;
        const int64_t slice = (group * s.slices() + place.slice) * s.length * s.states;
        Backward<T, N> thread(g, place);
        for (int64_t chunk = 0; chunk < s.chunks(); ++chunk) {
            __syncthreads();
            share<T, N>(g.in.b + offset, s, chunk * kSteps, b);
            __syncthreads();
            if (place.active)
                thread.keepAndAdvance(chunk, stepsOf(s, chunk), b);
        }
        for (int64_t chunk = s.chunks() - 1; chunk >= 0; --chunk) {
            __syncthreads();
            share<T, N>(g.in.b + offset, s, chunk * kSteps, b);
            share<T, N>(g.in.c + offset, s, chunk * kSteps, c);
            __syncthreads();
            if (place.active)
                thread.recompute(chunk, stepsOf(s, chunk), b, c);
            for (int t = stepsOf(s, chunk) - 1; t >= 0; --t) {
                const int64_t at = chunk * kSteps + t;
#pragma unroll
                for (int n = 0; n < N; ++n)
                    thread.partC[n] = thread.partB[n] = 0;
                if (place.active)
                    thread.stepBack(t, at, b[t], c[t]);
                sumOverChannels<T, N>(thread.partC, thread.partB, parts, s.states,
                                      g.gradC + slice + at * s.states, g.gradB + slice + at * s.states);
            }
        }
        if (place.active)
            thread.finish();
    }
}

dim3 gridOf(const SelectiveScanSizes& s) {
    return dim3(unsigned(s.groups * s.slices()), unsigned(s.batch < 65535 ? s.batch : 65535));
}

// Calls body with the number of states rounded up to one that is compiled, as a compile-time constant. Double
// precision is for checking only and does without the small ones.
template <typename T, typename Body>
void withStates(int64_t states, Body body) {
    if (sizeof(T) == 4 && states <= 8)
        body(std::integral_constant < int, sizeof(T) == 4 ? 8 : int(kScanCudaStates) > ());
    else if (sizeof(T) == 4 && states <= 16)
        body(std::integral_constant < int, sizeof(T) == 4 ? 16 : int(kScanCudaStates) > ());
    else
        body(std::integral_constant<int, int(kScanCudaStates)>());
}

}  // namespace

template <typename T>
void selectiveScanCuda(const SelectiveScanArguments<T>& arguments, void* stream) {
    const SelectiveScanSizes& s = arguments.in.sizes;
    withStates<T>(s.states, [&](auto n) {
        forward<T, decltype(n)::value>
            <<<gridOf(s), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
    });
}

template <typename T>
void selectiveScanGradCuda(const SelectiveScanGradArguments<T>& arguments, void* stream) {
    const SelectiveScanSizes& s = arguments.in.sizes;
    withStates<T>(s.states, [&](auto n) {
        backward<T, decltype(n)::value>
            <<<gridOf(s), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
    });
}

template void selectiveScanCuda(const SelectiveScanArguments<float>&, void*);
template void selectiveScanCuda(const SelectiveScanArguments<double>&, void*);
template void selectiveScanGradCuda(const SelectiveScanGradArguments<float>&, void*);
template void selectiveScanGradCuda(const SelectiveScanGradArguments<double>&, void*);

}  // namespace vitrine::kernels
