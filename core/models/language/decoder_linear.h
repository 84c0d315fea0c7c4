// The linear layers of a decoder, each known by its place, and what may be hung on them from outside:
// an observer sees what flows in and out, a replaced product computes something else in the layer's stead.
#pragma once

#include "core/nn/layers.h"

#include <cstdint>
#include <functional>
#include <string>

namespace vitrine {

enum class LinearRole { Query, Key, Value, Out, Gate, Up, Down, AttentionLinear, FeedForwardLinear };
// Layers of one group share their input.
enum class LinearGroup { QueryKeyValue, Out, GateUp, Down, Replacement };
enum class SubLayer { Attention, FeedForward };

LinearGroup groupOf(LinearRole role);
const char* roleName(LinearRole role);  // "q_proj", ...

struct LinearPlace {
    int64_t block = 0;
    LinearRole role = LinearRole::Query;
};

// y = x Wᵀ (+ b). weight (out, in) and bias (out) are its parameters, under the public names. Weights may be
// written in place (copy_) or given other storage (set_data) at any time outside a pass.
class DecoderLinear : public nn::Linear {
  public:
    // Computes the layer's output from x (..., in); `own` gives the weights. Must be thread-safe.
    using Product = std::function<at::Tensor(const at::Tensor& x, const nn::Linear& own)>;

    DecoderLinear(LinearPlace place, int64_t in, int64_t out, bool bias);

    at::Tensor forward(const at::Tensor& x) const {
        return product_ ? product_(x, *this) : nn::Linear::forward(x);
    }
    const LinearPlace& place() const { return place_; }
    LinearGroup group() const { return groupOf(place_.role); }
    int64_t inFeatures() const { return weight.size(1); }
    int64_t outFeatures() const { return weight.size(0); }

    // From now on `product` in place of x Wᵀ + b (masked weight, low-rank path, ...); an empty one: its own.
    void replaceProduct(Product product) { product_ = std::move(product); }
    bool replaced() const { return bool(product_); }
    // The layer counts blocks from its place, which moves when blocks are taken out.
    void setBlock(int64_t block) { place_.block = block; }

  private:
    LinearPlace place_;
    Product product_;
};

// Sees the inside of a pass. All tensors are (B, T, n) and must not be written to; the calls come on the
// thread of the pass, in the order of the computation. What is not overridden costs nothing.
class DecoderObserver {
  public:
    virtual ~DecoderObserver() = default;
    // The common input of a group: {q,k,v} and {gate,up} take the output of their norm, {o} the joined heads
    // (queryHeads·headWidth), {down} the neurons after the activation (and gating).
    virtual void onInput(int64_t /*block*/, LinearGroup, const at::Tensor& /*x*/) {}
    // Output of one linear layer. Asking for it computes joined projections apart.
    virtual bool wantsOutputs() const { return false; }
    virtual void onOutput(const LinearPlace&, const at::Tensor& /*y*/) {}
    // Output of the norm in front of a sub-layer; the final norm comes as onFinalNorm.
    virtual void onNorm(int64_t /*block*/, SubLayer, const at::Tensor& /*y*/) {}
    virtual void onFinalNorm(const at::Tensor& /*y*/) {}
    // The residual stream x in front of a sub-layer and what the sub-layer adds to it.
    virtual void onUpdate(int64_t /*block*/, SubLayer, const at::Tensor& /*x*/,
                          const at::Tensor& /*update*/) {}
    // The residual stream in front of and behind a block.
    virtual void onBlock(int64_t /*block*/, const at::Tensor& /*in*/, const at::Tensor& /*out*/) {}
    // Attention matrices (B, queryHeads, T, all tokens) of the blocks asked for.
    virtual bool wantsAttention(int64_t /*block*/) const { return false; }
    virtual void onAttention(int64_t /*block*/, const at::Tensor& /*probabilities*/) {}
};

}  // namespace vitrine
