// A stack of pre-norm transformer blocks, x += s1·Attention(norm1 x); x += s2·Mlp(norm2 x), whose parameters
// carry the names of the checkpoint layout that it is told. Shared by CLIP, SigLIP, DINOv2 and DINOv3.
#pragma once

#include "core/nn/layers.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vitrine::nn {

// Dotted names inside the root module; all but `blocks` are relative to a block. An empty name: the layout
// has no such part.
struct TowerNames {
    std::string blocks = {};                         // "encoder.layers": block i is "encoder.layers.i"
    std::string norm1 = {}, norm2 = {};              // LayerNorm
    std::string query = {}, key = {}, value = {};    // linear layers, or empty where packed
    std::string packedWeight = {}, packedBias = {};  // (3C, C) and (3C), q, k, v in this order
    std::string out = {};
    std::string scale1 = {}, scale2 = {};         // LayerScale vectors (C)
    std::string up = {}, gate = {}, gateUp = {};  // up alone; gate and up; or gateUp packed, gate first
    std::string down = {};
};

struct TowerOptions {
    int64_t width = 0, depth = 0, headCount = 1;
    int64_t mlpWidth = 0;  // of one half where gated
    std::string activation = "gelu";
    double epsilon = 1e-6;
    bool queryBias = true, keyBias = true, valueBias = true, outBias = true, mlpBias = true;
    TowerNames names;
};

// Rotation of the queries and keys of the tokens from `first` on: x·cos + rotateHalf(x)·sin.
struct RotaryTable {
    at::Tensor cos, sin;  // (tokens - first, head width)
    int64_t first = 0;
};

struct TowerRequest {
    std::optional<at::Tensor> mask;  // additive, broadcastable to (B, heads, T, T)
    bool causal = false;             // without mask only
    std::optional<RotaryTable> rotary;
    std::set<int64_t> states;     // hidden states wanted, 0..depth
    std::set<int64_t> attention;  // blocks (1..depth) whose attention matrix is wanted
};

struct TowerResult {
    at::Tensor last;                          // (B, T, C)
    std::map<int64_t, at::Tensor> states;     // (B, T, C)
    std::map<int64_t, at::Tensor> attention;  // (B, heads, T, T)
};

class TowerBlock;

class PreNormTower {
  public:
    // Registers the blocks in `root`. width must be a multiple of headCount, the activation known.
    PreNormTower(torch::nn::Module& root, const TowerOptions& options);
    ~PreNormTower();

    // Call once after loading weights: joins separate projections.
    void finishLoading();
    // x (B, T, C).
    TowerResult forward(const at::Tensor& x, const TowerRequest& request) const;
    // out(value(norm1(x))) of the last block, without residual: what each token would get from the last
    // attention if it attended to itself only. x: hidden state depth-1.
    at::Tensor lastValues(const at::Tensor& x) const;
    const TowerOptions& options() const { return options_; }

  private:
    TowerOptions options_;
    std::vector<std::shared_ptr<TowerBlock>> blocks_;
};

// Additive mask for attention from a (B, T) mask of valid tokens, with the causal triangle if `causal`:
// (B, 1, 1 or T, T) of type `type`.
at::Tensor attentionMask(const at::Tensor& valid, bool causal, at::ScalarType type);

}  // namespace vitrine::nn
