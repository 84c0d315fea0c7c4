// The kernels as torch operators (namespace "vitrine"), for callers with tensors. Each checks shapes, element
// types and devices and throws c10::Error naming the argument, what was expected and what was found; callers
// that pass user input check it first. Inputs on the CPU or on a CUDA device whose kernels are loaded
// (cuda_loader.h).
#pragma once

#include <ATen/ATen.h>

#include <optional>

namespace vitrine::kernels {

// Registers the operators (once per process). Calling any function below does it too; only code that looks
// operators up by name needs this.
void ensureRegistered();

// features (C, ...) f32/f64/f16/bf16, queries (Q, C) -> (Q, ...): cosine of each position with each query;
// f64 for f64 features, else f32. Zero vectors give 0.
at::Tensor cosineSimilarityMap(const at::Tensor& features, const at::Tensor& queries);

// features (C, ...) f32/f64/f16/bf16, mean (C), components (K, C) -> (K, ...): components (x - mean).
at::Tensor pcaProjection(const at::Tensor& features, const at::Tensor& mean, const at::Tensor& components);

// scores (..., columns) -> uint8 mask of the same shape: the n largest of every m neighbours are 1, equal
// scores: the lower index first, NaN counts as -infinity. columns must be a multiple of m; 1 <= n <= m <= 32.
at::Tensor nmMask(const at::Tensor& scores, int64_t n, int64_t m);

// weight (..., columns) -> int64 (m + 1): number of groups of m neighbours with k non-zero values.
at::Tensor nmScan(const at::Tensor& weight, int64_t m);

// keys (B, K, H, W) f32/f64 -> taps (B, D*D, H, W), D = 2 radius + 1; see jbu/jbu.h. Borders are reflected.
// `half`: taps in f16 (f32 keys only). In memory the taps of a row lie together: the result is a view with
// permuted strides.
at::Tensor jbuLearnedTaps(const at::Tensor& keys, double temperature, double sigmaSpatial, int64_t radius,
                          bool half = false);

// guidance (B, G, H, W) f32/f64 -> taps (B, D*D, H, W); sigmaRange in units of the guidance.
at::Tensor jbuGuidedTaps(const at::Tensor& guidance, double sigmaSpatial, double sigmaRange, int64_t radius,
                         bool half = false);

// map (B, C, H, W) f32/f64, taps (B or 1, D*D, H, W) of the same type or f16 -> (B, C, H, W), borders
// reflected.
at::Tensor jbuApply(const at::Tensor& map, const at::Tensor& taps);

// out[b,c,h,w] = sum_ij filters[b,h,w,i,j] input[b,c,h+i,w+j]; input (B, C, H+I-1, W+J-1), filters (B, H, W,
// I, J). Differentiable in both, as often as wanted.
at::Tensor adaptiveConv(const at::Tensor& input, const at::Tensor& filters);
// Its gradient with respect to the input, as an operator: out[b,c,h+i,w+j] += filters[b,h,w,i,j]
// centre[b,c,h,w]; centre (B, C, H, W), filters (B, H, W, I, J) -> (B, C, H+I-1, W+J-1). Differentiable in
// both.
at::Tensor adaptiveConvSpread(const at::Tensor& centre, const at::Tensor& filters);
// And with respect to the filters: out[b,h,w,i,j] = sum_c centre[b,c,h,w] around[b,c,h+i,w+j]; centre (B, C,
// H, W), around (B, C, H+I-1, W+J-1) -> (B, H, W, I, J), inner products with all neighbours. Differentiable
// in both.
at::Tensor neighbourProducts(const at::Tensor& centre, const at::Tensor& around);

// Attention within windows of 2 radius + 1 positions a side, clipped at the borders; see
// local_attention/local_attention.h. query and key (B, heads, D, H, W), value (B, heads, E, H, W), slopes
// (heads, 2) of the distance in rows and columns (constants) -> (B, heads, E, H, W); f32 or f64.
// Differentiable once in query, key and value.
at::Tensor localAttention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                          const at::Tensor& slopes, int64_t radius, double scale);

// One selective scan (Mamba-1; equations in selective_scan/selective_scan.h). All tensors f32 or all f64; u,
// delta and gate may have any strides, and results take those of u: no copies where channels lie last.
struct SelectiveScanTensors {
    at::Tensor u, delta;  // (B, D, L)
    at::Tensor a;         // (D, N)
    at::Tensor b, c;      // (B, N, L), or (B, G, N, L) with G groups that divide the channels
    std::optional<at::Tensor> skip = {}, gate = {};  // (D) and (B, D, L)
    std::optional<at::Tensor> deltaBias = {};        // (D)
    std::optional<at::Tensor> initialState = {};     // (B, D, N); zeros if absent
    bool softplus = false;                           // of delta + deltaBias
};
// Output (B, D, L) and last state (B, D, N). Differentiable once in every tensor; N at most 64 on CUDA
// devices.
std::tuple<at::Tensor, at::Tensor> selectiveScan(const SelectiveScanTensors& tensors);

// input (..., C) f32/f64/f16/bf16 -> (..., C), f64 for f64 input, else f32: every vector, seen as an (order,
// C / order) matrix, times scale * Sylvester(order) from the left; order is a power of two that divides C.
// Differentiable.
at::Tensor hadamardTransform(const at::Tensor& input, int64_t order, double scale);

// (..., H, W) with `radius` reflected rows and columns added on every side; any size (LibTorch's own padding
// refuses maps smaller than the radius).
at::Tensor padReflected(const at::Tensor& map, int64_t radius);

}  // namespace vitrine::kernels
