// Selective scan of Mamba-1 (Gu and Dao 2023, section 3.2; A discretised by zero-order hold, B by one Euler
// step). Per picture or sequence and channel, with `states` states h:
//   d_t = softplus(delta_t + bias)   (or delta_t + bias without softplus)
//   h_t = exp(d_t A) ⊙ h_(t-1) + (d_t u_t) B_t
//   out_t = (C_t · h_t + D u_t) · silu(z_t)
// A is meant to be negative; d_t A is limited to 88, where float32 ends. States are never stored for the
// backward pass: it keeps those at the start of every chunk and computes the ones between again.
#pragma once

#include "kernels/common/host_device.h"

#include <cstdint>

namespace vitrine::kernels {

constexpr int64_t kScanSlice = 64;  // channels that share one partial sum of the gradients of B and C
constexpr int64_t kScanChunk = 16;  // steps between kept states

// (batch, channel, time) with strides in elements; null data: the tensor is absent.
template <typename T>
struct Sequence {
    T* data = nullptr;
    int64_t batchStride = 0, channelStride = 0, timeStride = 0;
};

struct SelectiveScanSizes {
    int64_t batch = 0, channels = 0, groups = 1, states = 0, length = 0;  // groups divide channels

    VITRINE_HOST_DEVICE int64_t groupChannels() const { return channels / groups; }
    // Slices of one group.
    VITRINE_HOST_DEVICE int64_t slices() const { return (groupChannels() + kScanSlice - 1) / kScanSlice; }
    VITRINE_HOST_DEVICE int64_t chunks() const { return (length + kScanChunk - 1) / kScanChunk; }
};

template <typename T>
struct SelectiveScanInputs {
    SelectiveScanSizes sizes;
    Sequence<const T> u, delta, z;    // z may be absent
    const T* a = nullptr;             // (channels, states)
    const T* b = nullptr;             // (batch, groups, length, states)
    const T* c = nullptr;             // the same
    const T* skip = nullptr;          // D: (channels), or null
    const T* deltaBias = nullptr;     // (channels), or null
    const T* initialState = nullptr;  // (batch, channels, states), or null for zeros
    bool softplus = false;
};

template <typename T>
struct SelectiveScanArguments {
    SelectiveScanInputs<T> in;
    Sequence<T> out;
    T* lastState = nullptr;  // (batch, channels, states)
};

template <typename T>
struct SelectiveScanGradArguments {
    SelectiveScanInputs<T> in;
    Sequence<const T> gradOut;
    const T* gradLastState = nullptr;     // (batch, channels, states)
    T* keptStates = nullptr;              // work space (batch, chunks, states, channels)
    Sequence<T> gradU, gradDelta, gradZ;  // gradZ absent where z is
    T* gradA = nullptr;  // (batch, channels, states): the caller sums over the batch, as below
    T *gradB = nullptr, *gradC = nullptr;             // (batch, groups, slices, length, states)
    T *gradSkip = nullptr, *gradDeltaBias = nullptr;  // (batch, channels)
    T* gradInitialState = nullptr;                    // (batch, channels, states)
};

// T: float or double. Every output element is written.
template <typename T>
void selectiveScanCpu(const SelectiveScanArguments<T>& arguments);
template <typename T>
void selectiveScanGradCpu(const SelectiveScanGradArguments<T>& arguments);

constexpr int64_t kScanCudaStates = 64;  // most states of the CUDA versions
template <typename T>
void selectiveScanCuda(const SelectiveScanArguments<T>& arguments, void* stream);
template <typename T>
void selectiveScanGradCuda(const SelectiveScanGradArguments<T>& arguments, void* stream);

}  // namespace vitrine::kernels
