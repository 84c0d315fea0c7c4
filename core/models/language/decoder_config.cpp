#include "core/models/language/decoder_config.h"

#include "core/nn/layers.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

class Checker {
  public:
    template <typename... Parts>
    void require(bool holds, const std::string& where, fmt::format_string<Parts...> message,
                 Parts&&... parts) {
        if (!holds && !error_)
            error_ = Error{
                ErrorCode::InvalidArgument, fmt::format(message, std::forward<Parts>(parts)...), where, {}};
    }
    void atLeastOne(int64_t value, const std::string& where, const char* what) {
        require(value >= 1, where, "{} must be at least 1, found {}", what, value);
    }
    Result<void> finish() const {
        if (error_)
            return fail(*error_);
        return {};
    }

  private:
    std::optional<Error> error_;
};

void checkReplacement(Checker& check, SubLayerKind kind, int64_t rank, int64_t width,
                      const std::string& where) {
    if (kind == SubLayerKind::LowRank)
        check.require(rank >= 1 && rank <= width, where,
                      "the rank must lie between 1 and the width {}, found {}", width, rank);
}

void checkAttention(Checker& check, const AttentionSettings& a, int64_t width, const std::string& where) {
    checkReplacement(check, a.kind, a.rank, width, where);
    if (a.kind != SubLayerKind::Standard)
        return;
    check.atLeastOne(a.queryHeads, where, "the number of query heads");
    check.atLeastOne(a.keyValueHeads, where, "the number of key/value heads");
    check.atLeastOne(a.headWidth, where, "the head width");
    check.require(a.window >= 0, where, "the attention window must not be negative, found {}", a.window);
    if (a.keyValueHeads >= 1)
        check.require(a.queryHeads % a.keyValueHeads == 0, where,
                      "{} query heads cannot share {} key/value heads evenly", a.queryHeads, a.keyValueHeads);
}

void checkFeedForward(Checker& check, const FeedForwardSettings& f, int64_t width, const std::string& where) {
    checkReplacement(check, f.kind, f.rank, width, where);
    if (f.kind != SubLayerKind::Standard)
        return;
    check.atLeastOne(f.intermediate, where, "the intermediate width");
    check.require(nn::isActivation(f.activation), where, "unknown activation \"{}\"", f.activation);
}

int64_t replacementParameters(SubLayerKind kind, int64_t rank, bool bias, int64_t width) {
    switch (kind) {
        case SubLayerKind::Linear:
            return width * width + (bias ? width : 0);
        case SubLayerKind::LowRank:
            return 2 * width * rank + (bias ? width : 0);
        case SubLayerKind::Constant:
            return width;
        default:
            return 0;
    }
}

}  // namespace

bool DecoderConfig::uniform() const {
    return std::adjacent_find(layers.begin(), layers.end(), std::not_equal_to<>()) == layers.end();
}

Result<void> DecoderConfig::validate() const {
    Checker check;
    check.atLeastOne(vocabulary, "vocab_size", "the vocabulary");
    check.atLeastOne(width, "hidden_size", "the width");
    check.atLeastOne(contextLength, "max_position_embeddings", "the context length");
    check.require(isDecoderType(modelType), "model_type", "\"{}\" is no known decoder", modelType);
    std::optional<int64_t> headWidth;
    for (size_t i = 0; i < layers.size(); ++i) {
        const AttentionSettings& attention = layers[i].attention;
        checkAttention(check, attention, width, fmt::format("layer {}, attention", i));
        checkFeedForward(check, layers[i].feedForward, width, fmt::format("layer {}, feed-forward", i));
        if (attention.kind != SubLayerKind::Standard)
            continue;
        check.require(!headWidth || *headWidth == attention.headWidth, fmt::format("layer {}, attention", i),
                      "all layers must have heads of one width, found {} and {}", headWidth.value_or(0),
                      attention.headWidth);
        headWidth = attention.headWidth;
    }
    if (headWidth) {
        const auto rotated = int64_t(double(*headWidth) * rope.partial);
        check.require(rotated >= 2 && rotated % 2 == 0 && rotated <= *headWidth, "rope_parameters",
                      "the rotated part of a head must be even and at most its width {}, found {}",
                      *headWidth, rotated);
    }
    check.require(rope.base > 0 && rope.factor > 0, "rope_parameters",
                  "base and factor must be above 0, found {} and {}", rope.base, rope.factor);
    return check.finish();
}

int64_t DecoderConfig::parameterCount(const LayerSettings& layer) const {
    const int64_t normWidth = norm == NormKind::LayerNorm1P ? 2 * width : width;
    const AttentionSettings& a = layer.attention;
    int64_t count = replacementParameters(a.kind, a.rank, a.replacementBias, width);
    if (a.kind == SubLayerKind::Standard) {
        const int64_t query = a.queryHeads * a.headWidth, keyValue = a.keyValueHeads * a.headWidth;
        count += width * (2 * query + 2 * keyValue) + (a.queryKeyValueBias ? query + 2 * keyValue : 0) +
                 (a.outBias ? width : 0) + (a.queryKeyNorm ? 2 * a.headWidth : 0);
    }
    if (a.kind == SubLayerKind::Standard || a.kind == SubLayerKind::Linear)
        count += normWidth;
    const FeedForwardSettings& f = layer.feedForward;
    count += replacementParameters(f.kind, f.rank, f.replacementBias, width);
    if (f.kind == SubLayerKind::Standard) {
        const int64_t inner = f.gated ? 2 : 1;
        count += width * f.intermediate * (inner + 1) + (f.bias ? inner * f.intermediate + width : 0);
    }
    if (f.kind == SubLayerKind::Standard || f.kind == SubLayerKind::Linear)
        count += normWidth;
    return count;
}

int64_t DecoderConfig::parameterCount() const {
    int64_t count =
        vocabulary * width * (tiedEmbeddings ? 1 : 2) + (norm == NormKind::LayerNorm1P ? 2 * width : width);
    for (const LayerSettings& layer : layers)
        count += parameterCount(layer);
    return count;
}

bool isDecoderType(const std::string& modelType) {
    constexpr std::array kTypes{"llama", "mistral", "qwen2", "qwen3", "nemotron", "nemotron-nas"};
    return std::find(kTypes.begin(), kTypes.end(), modelType) != kTypes.end();
}

}  // namespace vitrine
