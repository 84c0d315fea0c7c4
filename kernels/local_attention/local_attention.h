// Attention of every position of a map to the (2 radius + 1)² positions around it (those inside the map),
// with a bias linear in the distance along rows and columns (FeatSharp, Ranzinger et al. 2025, section 3;
// ALiBi, Press et al. 2022):
//   s(p,q) = scale <Q_p, K_q> - rowSlope |Δrow| - columnSlope |Δcolumn|,   P = softmax_q s,   out_p = Σ_q
//   P(p,q) V_q
// Neither a position x position matrix nor unfolded windows are held. Backward computes P again from the kept
// L_p = log Σ_q exp s(p,q), once around the queries and once around the keys, so nothing is added up from two
// sides and results do not depend on the number of threads:
//   D_p = Σ_q P <g_p, V_q>,  dS = P (<g_p, V_q> - D_p),  dQ_p = scale Σ_q dS K_q,  dK_q = scale Σ_p dS Q_p,
//   dV_q = Σ_p P g_p
#pragma once

#include "kernels/jbu/jbu.h"

namespace vitrine::kernels {

// Planes are (maps = batch x heads, channels, height, width), contiguous. "Padded" planes have `radius` zeros
// on every side: (.., height + 2 radius, width + 2 radius).
struct LocalAttentionSizes {
    int64_t maps, heads;        // map m belongs to head m % heads
    int64_t width, valueWidth;  // channels of queries and keys, of values
    int64_t height, columns;
    int64_t radius;  // at most kMaxRadius
};

template <typename T>
struct LocalAttentionArguments {
    LocalAttentionSizes sizes;
    T scale;
    const T* slopes;  // (heads, 2): row, column
    const T* query;   // (maps, width, height, columns)
    const T* key;     // padded
    const T* value;   // padded
    T* out;           // (maps, valueWidth, height, columns)
    T* logSum;        // (maps, height, columns): L
};

// Around the queries: gradQuery and D.
template <typename T>
struct LocalAttentionQueryGradArguments {
    LocalAttentionSizes sizes;
    T scale;
    const T* slopes;
    const T *query, *gradOut, *logSum;
    const T *key, *value;  // padded
    T* gradQuery;
    T* products;  // (maps, height, columns): D
};

// Around the keys: gradKey and gradValue.
template <typename T>
struct LocalAttentionKeyGradArguments {
    LocalAttentionSizes sizes;
    T scale;
    const T* slopes;
    const T *key, *value;
    const T *query, *gradOut, *logSum, *products;  // padded
    T *gradKey, *gradValue;
};

// T: float or double.
template <typename T>
void localAttentionCpu(const LocalAttentionArguments<T>& arguments);
template <typename T>
void localAttentionGradCpu(const LocalAttentionQueryGradArguments<T>& arguments);
template <typename T>
void localAttentionGradCpu(const LocalAttentionKeyGradArguments<T>& arguments);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. None waits.
template <typename T>
void localAttentionCuda(const LocalAttentionArguments<T>& arguments, void* stream);
template <typename T>
void localAttentionGradCuda(const LocalAttentionQueryGradArguments<T>& arguments, void* stream);
template <typename T>
void localAttentionGradCuda(const LocalAttentionKeyGradArguments<T>& arguments, void* stream);

}  // namespace vitrine::kernels
