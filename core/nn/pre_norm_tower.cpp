#include "core/nn/pre_norm_tower.h"

#include "core/base/check.h"
#include "core/nn/functional.h"
#include "core/nn/fused.h"
#include "core/nn/joined_linear.h"
#include "core/nn/module_tree.h"

#include <limits>

namespace vitrine::nn {
namespace {

at::Tensor rotateHalf(const at::Tensor& x) {
    const auto halves = x.chunk(2, -1);
    return at::cat({-halves[1], halves[0]}, -1);
}

at::Tensor rotated(const at::Tensor& x, const RotaryTable& table) {
    const at::Tensor prefix = x.narrow(2, 0, table.first);
    const at::Tensor rest = x.narrow(2, table.first, x.size(2) - table.first);
    return at::cat({prefix, rest * table.cos + rotateHalf(rest) * table.sin}, 2);
}

}  // namespace

class TowerBlock : public torch::nn::Module {
  public:
    explicit TowerBlock(const TowerOptions& options);
    void finishLoading();
    at::Tensor forward(const at::Tensor& x, const TowerRequest& request, at::Tensor* probabilities) const;
    at::Tensor values(const at::Tensor& x) const;

  private:
    std::shared_ptr<Linear> linear(const std::string& name, int64_t in, int64_t out, bool bias);
    at::Tensor attend(const at::Tensor& x, const TowerRequest& request, at::Tensor* probabilities) const;
    at::Tensor mlp(const at::Tensor& x) const;

    int64_t headCount_;
    Activation activation_;
    std::shared_ptr<LayerNorm> norm1_, norm2_;
    std::shared_ptr<Linear> value_, out_, up_, down_;
    JoinedLinear qkv_, gateUp_;
    at::Tensor packedWeight_, packedBias_, scale1_, scale2_;
    bool gated_ = false, packedGate_ = false;
};

std::shared_ptr<Linear> TowerBlock::linear(const std::string& name, int64_t in, int64_t out, bool bias) {
    return registerAt(*this, name, std::make_shared<Linear>(in, out, bias));
}

TowerBlock::TowerBlock(const TowerOptions& o)
    : headCount_(o.headCount), activation_(activationByName(o.activation)) {
    const TowerNames& names = o.names;
    const int64_t width = o.width;
    norm1_ = registerAt(*this, names.norm1, std::make_shared<LayerNorm>(width, o.epsilon));
    if (!names.packedWeight.empty()) {
        packedWeight_ = parameterAt(*this, names.packedWeight, {3 * width, width});
        if (o.queryBias)
            packedBias_ = parameterAt(*this, names.packedBias, {3 * width});
    } else {
        const auto query = linear(names.query, width, width, o.queryBias);
        const auto key = linear(names.key, width, width, o.keyBias);
        value_ = linear(names.value, width, width, o.valueBias);
        qkv_ = JoinedLinear({query, key, value_});
    }
    out_ = linear(names.out, width, width, o.outBias);
    norm2_ = registerAt(*this, names.norm2, std::make_shared<LayerNorm>(width, o.epsilon));
    packedGate_ = !names.gateUp.empty();
    gated_ = packedGate_ || !names.gate.empty();
    if (packedGate_) {
        up_ = linear(names.gateUp, width, 2 * o.mlpWidth, o.mlpBias);
    } else {
        std::shared_ptr<Linear> gate;
        if (gated_)
            gate = linear(names.gate, width, o.mlpWidth, o.mlpBias);
        up_ = linear(names.up, width, o.mlpWidth, o.mlpBias);
        if (gated_)
            gateUp_ = JoinedLinear({gate, up_});
    }
    down_ = linear(names.down, o.mlpWidth, width, o.mlpBias);
    if (!names.scale1.empty())
        scale1_ = parameterAt(*this, names.scale1, {width});
    if (!names.scale2.empty())
        scale2_ = parameterAt(*this, names.scale2, {width});
}

void TowerBlock::finishLoading() {
    if (!packedWeight_.defined())
        qkv_.join();
    if (gated_ && !packedGate_)
        gateUp_.join();
}

at::Tensor TowerBlock::attend(const at::Tensor& x, const TowerRequest& request,
                              at::Tensor* probabilities) const {
    const at::Tensor packed =
        packedWeight_.defined() ? nn::linear(x, packedWeight_, packedBias_) : qkv_.forward(x);
    const auto parts = packed.chunk(3, -1);
    at::Tensor q = splitHeads(parts[0], headCount_), k = splitHeads(parts[1], headCount_);
    if (request.rotary) {
        q = rotated(q, *request.rotary);
        k = rotated(k, *request.rotary);
    }
    const double scale = 1.0 / std::sqrt(double(q.size(-1)));
    const at::Tensor mixed = attention(q, k, splitHeads(parts[2], headCount_), scale, request.mask,
                                       request.causal && !request.mask, probabilities);
    return out_->forward(mergeHeads(mixed));
}

at::Tensor TowerBlock::mlp(const at::Tensor& x) const {
    if (!gated_)
        return down_->forward(nn::linear(x, up_->weight, up_->bias, activation_));
    const auto halves = (packedGate_ ? up_->forward(x) : gateUp_.forward(x)).chunk(2, -1);
    return down_->forward(activation_(halves[0]) * halves[1]);
}

at::Tensor TowerBlock::forward(const at::Tensor& x, const TowerRequest& request,
                               at::Tensor* probabilities) const {
    const at::Tensor middle = addBranch(x, attend(norm1_->forward(x), request, probabilities), scale1_);
    return addBranch(middle, mlp(norm2_->forward(middle)), scale2_);
}

at::Tensor TowerBlock::values(const at::Tensor& x) const {
    const at::Tensor normed = norm1_->forward(x);
    if (value_)
        return out_->forward(value_->forward(normed));
    const int64_t width = packedWeight_.size(1);
    return out_->forward(
        nn::linear(normed, packedWeight_.narrow(0, 2 * width, width),
                   packedBias_.defined() ? packedBias_.narrow(0, 2 * width, width) : at::Tensor()));
}

PreNormTower::PreNormTower(torch::nn::Module& root, const TowerOptions& options) : options_(options) {
    VITRINE_CHECK(options.headCount > 0 && options.width % options.headCount == 0,
                  "the width of a transformer must be a multiple of its head count");
    for (int64_t i = 0; i < options.depth; ++i)
        blocks_.push_back(registerAt(root, options.names.blocks + "." + std::to_string(i),
                                     std::make_shared<TowerBlock>(options)));
}

PreNormTower::~PreNormTower() = default;

void PreNormTower::finishLoading() {
    for (const auto& block : blocks_)
        block->finishLoading();
}

TowerResult PreNormTower::forward(const at::Tensor& x, const TowerRequest& request) const {
    TowerResult result;
    result.last = x;
    if (request.states.contains(0))
        result.states[0] = x;
    for (int64_t i = 1; i <= options_.depth; ++i) {
        at::Tensor probabilities;
        const bool wantsAttention = request.attention.contains(i);
        result.last =
            blocks_[size_t(i - 1)]->forward(result.last, request, wantsAttention ? &probabilities : nullptr);
        if (wantsAttention)
            result.attention[i] = probabilities;
        if (request.states.contains(i))
            result.states[i] = result.last;
    }
    return result;
}

at::Tensor PreNormTower::lastValues(const at::Tensor& x) const {
    return blocks_.back()->values(x);
}

at::Tensor attentionMask(const at::Tensor& valid, bool causal, at::ScalarType type) {
    const int64_t length = valid.size(1);
    at::Tensor hidden = valid.eq(0).view({valid.size(0), 1, 1, length});
    if (causal)
        hidden = hidden.logical_or(at::ones({length, length}, hidden.options()).triu(1));
    // The lowest finite value, not infinity: a row without any valid key then averages instead of giving NaN.
    const double low = type == at::kHalf       ? -65504.0
                       : type == at::kBFloat16 ? -3.38e38
                                               : double(std::numeric_limits<float>::lowest());
    return at::zeros(hidden.sizes(), hidden.options().dtype(type)).masked_fill(hidden, low);
}

}  // namespace vitrine::nn
