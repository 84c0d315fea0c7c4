// One block of a decoder: x + attention(norm(x)), then x + feedForward(norm(x)). Both parts may be absent or
// replaced (SubLayerKind); the residual stays.
#pragma once

#include "core/models/language/decoder.h"
#include "core/nn/joined_linear.h"

namespace vitrine {

// RMSNorm or LayerNorm1P. weight (n), bias (n) for the latter.
class DecoderNorm : public torch::nn::Module {
  public:
    DecoderNorm(NormKind kind, int64_t width, double epsilon);
    at::Tensor forward(const at::Tensor& x) const;
    NormKind kind() const { return kind_; }
    double epsilon() const { return epsilon_; }
    at::Tensor weight, bias;

  private:
    NormKind kind_;
    double epsilon_;
};

class DecoderBlock : public torch::nn::Module {
  public:
    // Registers its parameters uninitialised under the public names below "model.layers.i".
    DecoderBlock(const DecoderConfig& config, const LayerSettings& settings, int64_t index);

    const LayerSettings& settings() const { return settings_; }
    int64_t index() const { return index_; }
    void setIndex(int64_t index);

    at::Tensor forward(const at::Tensor& x, const DecoderPass& pass) const;
    // What each part adds to the stream; undefined for a NoOp. x: the stream in front of it (B, T, width).
    at::Tensor attentionUpdate(const at::Tensor& x, const DecoderPass& pass) const;
    at::Tensor feedForwardUpdate(const at::Tensor& x, const DecoderPass& pass) const;

    // In the order of the computation: q, k, v, o, gate, up, down, or what replaces them.
    std::vector<std::shared_ptr<DecoderLinear>> linears() const;
    // Null where the block has none of that role.
    std::shared_ptr<DecoderLinear> linear(LinearRole role) const;
    // Null where a sub-layer has no norm.
    const std::shared_ptr<DecoderNorm>& norm(SubLayer which) const {
        return which == SubLayer::Attention ? attentionNorm_ : feedForwardNorm_;
    }
    void joinProjections();

  private:
    at::Tensor attend(const at::Tensor& normed, const DecoderPass& pass) const;
    at::Tensor replacement(SubLayer which, const at::Tensor& x, const DecoderPass& pass) const;

    LayerSettings settings_;
    int64_t index_;
    std::shared_ptr<DecoderNorm> attentionNorm_, feedForwardNorm_;
    std::shared_ptr<DecoderLinear> query_, key_, value_, out_, gate_, up_, down_;
    std::shared_ptr<nn::RmsNorm> queryNorm_, keyNorm_;
    // Linear: `matrix` alone. LowRank: `reduce` (rank, width), then `matrix` (width, rank). Constant: `bias`.
    struct Replacement {
        std::shared_ptr<nn::Linear> reduce;
        std::shared_ptr<DecoderLinear> matrix;
        at::Tensor constant;
    };
    Replacement attentionReplacement_, feedForwardReplacement_;
    nn::JoinedLinear joinedQueryKeyValue_, joinedGateUp_;
    nn::Activation activation_ = nullptr;
};

}  // namespace vitrine
