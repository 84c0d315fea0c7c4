// The network of a decoder-only language model, run whole or block by block:
//
//   DecoderPass pass = decoder.begin(ids);
//   at::Tensor x = decoder.embed(ids);
//   for (int64_t i = 0; i < decoder.depth(); ++i)
//       x = decoder.runBlock(i, x, pass);
//   at::Tensor logits = decoder.head(decoder.finalNorm(x));
//
// Parameters carry the public names ("model.layers.0.self_attn.q_proj.weight"). Created uninitialised: a
// checkpoint or nn::initialize fills them. Passes may run on several threads at once as long as nobody
// changes weights, products or blocks.
#pragma once

#include "core/models/language/decoder_config.h"
#include "core/models/language/decoder_linear.h"
#include "core/models/language/key_value_cache.h"

#include <memory>
#include <optional>
#include <vector>

namespace vitrine {

class DecoderBlock;
class DecoderNorm;
class RotaryTables;

struct PassOptions {
    // (B, T) of 0/1, 1 = a token; only padding on the left is meant. Positions count from the first token.
    // Undefined: all are tokens. Not together with a cache.
    at::Tensor attentionMask = {};
    // Tokens go behind those that the cache holds, and are added to it.
    KeyValueCache* cache = nullptr;
    DecoderObserver* observer = nullptr;
    // Keep only each block's input for the backward pass and compute the block again (nn::recomputed).
    bool recompute = false;
};

// What all blocks of one pass share: rotation, masks, cache, observer. Cheap to copy.
struct DecoderPass {
    PassOptions options;
    int64_t batch = 0, length = 0, past = 0;
    at::Tensor cosine, sine;  // (B or 1, T, 1, rotated/2), type of the weights
    at::Tensor padding;       // undefined or (B, 1, 1, T) bool
    // Additive or boolean mask of one window, made once per pass and shared by the blocks that have it.
    struct Masks;
    std::shared_ptr<Masks> masks;
};

class Decoder : public torch::nn::Module {
  public:
    // `config` must be valid.
    explicit Decoder(DecoderConfig config);
    ~Decoder() override;

    const DecoderConfig& config() const { return config_; }
    int64_t depth() const { return int64_t(blocks_.size()); }

    // ids (B, T) integers below the vocabulary. Block-granular execution; x and the results are (B, T,
    // width).
    DecoderPass begin(const at::Tensor& ids, const PassOptions& options = {}) const;
    // The same for a given shape, where the residual stream comes from elsewhere (a replaced prefix).
    DecoderPass begin(int64_t batch, int64_t length, const PassOptions& options = {}) const;
    at::Tensor embed(const at::Tensor& ids) const;
    at::Tensor runBlock(int64_t block, const at::Tensor& x, const DecoderPass& pass) const;
    at::Tensor finalNorm(const at::Tensor& x, DecoderObserver* observer = nullptr) const;
    at::Tensor head(const at::Tensor& normed) const;  // (B, T, width) -> (B, T, vocabulary)

    // All in one: the stream behind the final norm (B, T, width), and the logits (B, T, vocabulary).
    at::Tensor hidden(const at::Tensor& ids, const PassOptions& options = {}) const;
    at::Tensor logits(const at::Tensor& ids, const PassOptions& options = {}) const;
    // Negative log-likelihood of token t+1 at place t: (B, T-1) in float32, in nats. The logits are made a
    // few hundred tokens at a time, so that a large vocabulary does not fill the memory.
    at::Tensor tokenLosses(const at::Tensor& ids, const PassOptions& options = {}) const;
    // The same from a stream behind the final norm: hidden (B, T, width), targets (B, T) -> (B, T).
    at::Tensor lossesOf(const at::Tensor& hidden, const at::Tensor& targets) const;

    // One block. setBlock puts another in its place (its settings go into config()); removeBlocks takes
    // blocks out and numbers the rest anew.
    const std::shared_ptr<DecoderBlock>& block(int64_t index) const { return blocks_.at(size_t(index)); }
    void setBlock(int64_t index, std::shared_ptr<DecoderBlock> block);
    void removeBlocks(std::vector<int64_t> indices);
    // A new, uninitialised block for this decoder; its type and device are those of the embeddings.
    std::shared_ptr<DecoderBlock> makeBlock(int64_t index, const LayerSettings& settings) const;

    // The linear layers of all blocks in the order of the computation; embeddings and head are not among
    // them.
    std::vector<std::shared_ptr<DecoderLinear>> linears() const;
    // Public name of one ("model.layers.3.mlp.up_proj").
    std::string linearName(const LinearPlace& place) const;

    const at::Tensor& embeddingWeight() const { return embedding_->weight; }
    const at::Tensor& headWeight() const;  // the embeddings' where tied
    at::ScalarType type() const { return embedding_->weight.scalar_type(); }
    at::Device device() const { return embedding_->weight.device(); }

    // Loaded models are frozen; training asks for gradients here.
    void setTrainable(bool trainable);
    // Call after weights were loaded or replaced as a whole: lays the projections of one input behind one
    // another in memory, so that they are one product. Optional; results are the same up to rounding.
    void joinProjections();

  private:
    void renumber();
    void renewRotary();
    DecoderConfig config_;
    std::shared_ptr<nn::Embedding> embedding_;
    std::vector<std::shared_ptr<DecoderBlock>> blocks_;
    std::shared_ptr<torch::nn::Module> model_, layersHolder_;
    std::shared_ptr<DecoderNorm> finalNorm_;
    std::shared_ptr<nn::Linear> head_;  // null where tied
    std::shared_ptr<RotaryTables> rotary_;
};

}  // namespace vitrine
