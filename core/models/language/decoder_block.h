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
    // x (..., n), normalised over the last dimension.
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor own(const at::Tensor& x) const;  // whatever was put in its place
    // From now on `forward` in place of the norm's own (masked widths, say); an empty one: its own.
    using NormForward = std::function<at::Tensor(const at::Tensor& x, const DecoderNorm& own)>;
    void replaceForward(NormForward forward) { normForward_ = std::move(forward); }
    NormKind kind() const { return kind_; }
    double epsilon() const { return epsilon_; }
    at::Tensor weight, bias;

  private:
    NormForward normForward_;
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
    struct Heads;
    struct Replacement {
        std::shared_ptr<nn::Linear> reduce;     // LowRank: (rank, width)
        std::shared_ptr<DecoderLinear> matrix;  // Linear: (width, width); LowRank: (width, rank)
        at::Tensor constant;                    // Constant: (width)
    };
    void makeAttention(const DecoderConfig& config);
    void makeFeedForward(const DecoderConfig& config);
    Replacement makeReplacement(SubLayer which, SubLayerKind kind, int64_t rank, bool bias, int64_t width);
    Heads heads(const at::Tensor& normed, const DecoderPass& pass) const;
    at::Tensor attend(const at::Tensor& normed, const DecoderPass& pass) const;
    at::Tensor feed(const at::Tensor& normed, const DecoderPass& pass) const;
    at::Tensor update(SubLayer which, SubLayerKind kind, const at::Tensor& x, const DecoderPass& pass) const;

    LayerSettings settings_;
    int64_t index_;
    std::shared_ptr<DecoderNorm> attentionNorm_, feedForwardNorm_;
    std::shared_ptr<DecoderLinear> query_, key_, value_, out_, gate_, up_, down_;
    std::shared_ptr<DecoderNorm> queryNorm_, keyNorm_;
    Replacement attentionReplacement_, feedForwardReplacement_;
    nn::JoinedLinear joinedQueryKeyValue_, joinedGateUp_;
    nn::Activation activation_ = nullptr;
};

}  // namespace vitrine
