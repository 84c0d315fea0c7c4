// Joint bilateral upsampling as a spatially varying filter: every output pixel is a weighted sum of its
// D x D neighbours (D = 2 radius + 1), with weights ("taps") taken from a guidance picture alone and shared
// by all channels. Neighbour (i, j) of pixel (y, x) is (y + i - radius, x + j - radius); tap number i * D +
// j. Nothing here holds an unfolded guidance map: neighbours are read where they lie.
//
// Learned range (FeatUp, Fu et al. 2024, eq. 4-5): w = softmax_q(t <K_p, K_q>) exp(-|q|^2 / (2 s^2)), divided
// by max(sum, 1e-7), q on [-1,1]^2, K a learned projection of the guidance. Guided (Kopf et al. 2007): w =
// exp(-|G_p - G_q|^2 / (2 r^2)) exp(-|q|^2 / (2 s^2)), divided by its sum; needs no weights, works with any
// encoder.
#pragma once

#include "kernels/common/element.h"

namespace vitrine::kernels {

constexpr int64_t kMaxRadius = 7;

// Tap is T, or Half for T = float.
template <typename T, typename Tap>
struct JbuTapArguments {
    const T* guidance;  // (channels, height + 2 radius, width + 2 radius): already padded
    // (height, D * D, width): a row's taps lie together, so that reading them is one sequential stream. With
    // one plane per tap 49 streams would meet in the same cache sets at the usual power-of-two sizes.
    Tap* taps;
    int64_t channels, height, width, radius;
    T sigmaSpatial;  // in units of the window's half width
    T range;         // learned: temperature t; guided: 1 / (2 r^2)
};

// T: float or double. Threaded over rows.
template <typename T, typename Tap>
void jbuLearnedTapsCpu(const JbuTapArguments<T, Tap>& arguments);
template <typename T, typename Tap>
void jbuGuidedTapsCpu(const JbuTapArguments<T, Tap>& arguments);

// Strides of the taps in elements, so that (D*D, H, W) and (H, W, D, D) are read alike.
struct TapStrides {
    int64_t batch, tap, row, column;
};

// out[b,c,y,x] = sum_ij taps[b,y,x,i,j] input[b,c,y+i,x+j].
// input (batch, channels, height + rows - 1, width + columns - 1), out (batch, channels, height, width),
// contiguous. Taps are T or Half (a cached set of taps takes half the memory and bandwidth).
template <typename T, typename Tap>
struct AdaptiveConvArguments {
    const T* input;
    const Tap* taps;
    T* out;
    TapStrides strides;
    int64_t batch, channels, height, width;
    int64_t tapRows, tapColumns;
};
template <typename T, typename Tap>
void adaptiveConvCpu(const AdaptiveConvArguments<T, Tap>& arguments);

// Gradients of the above: gradInput[b,c,y+i,x+j] += taps g; gradTaps[b,y,x,i,j] = sum_c g input. The results
// that are wanted are written whole (strides of taps and gradTaps: `strides`). No window is ever unfolded:
// besides the results at most one copy of the taps and one padded copy of gradOut of one picture are held.
template <typename T>
struct AdaptiveConvGradArguments {
    const T* input;  // may be null if gradTaps is
    const T* taps;   // may be null if gradInput is
    const T* gradOut;
    T* gradInput;  // null: not wanted
    T* gradTaps;   // null: not wanted
    TapStrides strides;
    int64_t batch, channels, height, width;
    int64_t tapRows, tapColumns;
};
template <typename T>
void adaptiveConvGradCpu(const AdaptiveConvGradArguments<T>& arguments);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. None waits.
template <typename T, typename Tap>
void jbuLearnedTapsCuda(const JbuTapArguments<T, Tap>& arguments, void* stream);
template <typename T, typename Tap>
void jbuGuidedTapsCuda(const JbuTapArguments<T, Tap>& arguments, void* stream);
template <typename T, typename Tap>
void adaptiveConvCuda(const AdaptiveConvArguments<T, Tap>& arguments, void* stream);
template <typename T>
void adaptiveConvGradCuda(const AdaptiveConvGradArguments<T>& arguments, void* stream);

}  // namespace vitrine::kernels
