// Parameter-free pieces that several encoders share.
#pragma once

#include <ATen/ATen.h>

#include <optional>

namespace vitrine::nn {

// softmax(q kᵀ · scale + mask) v. q (B, heads, Tq, d), k and v (B, heads, Tk, d); `mask` additive,
// broadcastable to (B, heads, Tq, Tk). Uses LibTorch's fused kernels. If `probabilities` is not null the
// attention matrix is computed explicitly and stored there (B, heads, Tq, Tk).
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                     const std::optional<at::Tensor>& mask = std::nullopt, bool causal = false,
                     at::Tensor* probabilities = nullptr);

// (B, T, heads·d) -> (B, heads, T, d) and back.
at::Tensor splitHeads(const at::Tensor& x, int64_t headCount);
at::Tensor mergeHeads(const at::Tensor& x);

// A position table (1, h·w, C) on a square or given grid, resized to another grid. Mode "bicubic" or
// "bilinear".
at::Tensor resizePositionTable(const at::Tensor& table, int64_t fromHeight, int64_t fromWidth,
                               int64_t toHeight, int64_t toWidth, const std::string& mode, bool antialias,
                               bool alignCorners = false);

// interpolate of (B, C, H, W) to a size; mode nearest, bilinear, bicubic.
at::Tensor resizeMap(const at::Tensor& map, int64_t height, int64_t width, const std::string& mode,
                     bool antialias = false, bool alignCorners = false);

// (B, h·w, C) tokens <-> (B, C, h, w) maps.
at::Tensor mapFromTokens(const at::Tensor& tokens, int64_t gridHeight, int64_t gridWidth);
at::Tensor tokensFromMap(const at::Tensor& map);

}  // namespace vitrine::nn
