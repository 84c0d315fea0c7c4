// What a decoder-only language model is made of, layer by layer. Read from and written as the config.json of
// Llama, Mistral, Qwen2, Qwen3 and Nemotron folders, in the older and the newer key style. Layers that differ
// from one another are described by "block_configs" (the form of Puzzle's published models).
#pragma once

#include "core/base/json.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

// What stands in the place of an attention or a feed-forward part f in x + f(norm(x)).
enum class SubLayerKind {
    Standard,
    NoOp,      // nothing; its norm is gone too
    Linear,    // W n (+ b), n = norm(x): Puzzle's replacement
    LowRank,   // U V x (+ b), on the residual stream itself, without norm: an emulated update
    Constant,  // b: the mean update
};

enum class NormKind {
    Rms,          // x / rms(x) · weight
    LayerNorm1P,  // LayerNorm with weight + 1 and a bias (Nemotron)
};

// Heads may be cut without the width changing: the projections are (heads·headWidth, width).
struct AttentionSettings {
    SubLayerKind kind = SubLayerKind::Standard;
    int64_t queryHeads = 1;
    int64_t keyValueHeads = 1;  // divides queryHeads; query head h reads group h / (queryHeads/keyValueHeads)
    int64_t headWidth = 64;
    bool queryKeyValueBias = false;
    bool outBias = false;
    bool queryKeyNorm = false;     // RMSNorm over the head's width on queries and keys, before the rotation
    int64_t window = 0;            // a token sees itself and window-1 before it; 0: all
    int64_t rank = 0;              // LowRank only
    bool replacementBias = false;  // Linear and LowRank only

    int64_t groupSize() const { return queryHeads / keyValueHeads; }
    bool operator==(const AttentionSettings&) const = default;
};

struct FeedForwardSettings {
    SubLayerKind kind = SubLayerKind::Standard;
    int64_t intermediate = 1;         // neurons
    bool gated = true;                // down(act(gate x) · up x), else down(act(up x))
    std::string activation = "silu";  // as nn::activationByName; "relu2" for Nemotron
    bool bias = false;
    int64_t rank = 0;              // LowRank only
    bool replacementBias = false;  // Linear and LowRank only

    bool operator==(const FeedForwardSettings&) const = default;
};

struct LayerSettings {
    AttentionSettings attention;
    FeedForwardSettings feedForward;
    bool operator==(const LayerSettings&) const = default;
};

// Rotary positions. Pair i of the rotated part turns by position · base^(-2i/rotated).
struct RopeSettings {
    enum class Scaling { None, Linear, Llama3 };
    double base = 10000.0;
    double partial = 1.0;  // part of each head that is rotated, from its front
    Scaling scaling = Scaling::None;
    double factor = 1.0;
    double lowFrequencyFactor = 1.0, highFrequencyFactor = 4.0;  // Llama3
    int64_t originalContext = 8192;                              // Llama3

    bool operator==(const RopeSettings&) const = default;
};

struct DecoderConfig {
    std::string modelType = "llama";  // llama, mistral, qwen2, qwen3, nemotron
    int64_t vocabulary = 0;
    int64_t width = 0;
    int64_t contextLength = 2048;
    NormKind norm = NormKind::Rms;
    double epsilon = 1e-6;
    bool tiedEmbeddings = false;
    RopeSettings rope;
    std::vector<LayerSettings> layers;
    std::optional<int64_t> bos, pad;
    std::vector<int64_t> eos;  // any of them ends a generation
    // Keys of the file that the fields above do not cover, kept for writing.
    Json others = Json::object();

    int64_t depth() const { return int64_t(layers.size()); }
    bool uniform() const;  // all layers alike
    // InvalidArgument names the layer and field: sizes below one, heads that the groups do not divide, an odd
    // rotated width, a rank above the width, an unknown activation.
    Result<void> validate() const;
    int64_t parameterCount() const;
    int64_t parameterCount(const LayerSettings& layer) const;
};

// model_type of `json` is one of the above.
bool isDecoderType(const std::string& modelType);
// `where` names the file in errors.
Result<DecoderConfig> decoderConfigFrom(const Json& json, const std::string& where);
// A config.json that transformers reads where the layers are alike; with "block_configs" otherwise.
// `storedType`: "float32" or "bfloat16".
Json decoderConfigJson(const DecoderConfig& config, const std::string& storedType);

}  // namespace vitrine
