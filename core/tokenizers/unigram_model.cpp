#include "core/tokenizers/unigram_model.h"

#include "core/tokenizers/unicode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr double kUnknownPenalty = 10.0;  // an unknown character scores this much below the worst piece

class UnigramModel final : public TokenModel {
  public:
    Vocabulary vocabulary_;
    UnigramOptions options_;
    ByteTrie trie_;
    std::vector<double> scores_;
    std::vector<bool> userDefined_;
    double unknownScore_ = 0;
    double largestScore_ = 0;
    std::array<int32_t, 256> byteIds_;

    const Vocabulary& vocabulary() const override { return vocabulary_; }

    double scoreOf(int32_t id, size_t bytes) const {
        const size_t index = static_cast<size_t>(id);
        if (userDefined_[index])  // SentencePiece's rule: beats every cut into pieces
            return static_cast<double>(bytes) * largestScore_ - 0.1;
        return scores_[index];
    }

    struct Node {
        double score = 0;
        uint32_t begin = std::numeric_limits<uint32_t>::max();  // where the best last piece starts
        int32_t id = -1;                                        // -1: an unknown character
    };

    std::vector<Node> bestPath(std::string_view word) const {
        std::vector<Node> nodes(word.size() + 1);
        const auto offer = [&](size_t end, size_t begin, double score, int32_t id) {
            Node& node = nodes[end];
            if (node.begin == std::numeric_limits<uint32_t>::max() || score > node.score)
                node = {score, static_cast<uint32_t>(begin), id};
        };
        for (size_t begin = 0; begin < word.size();) {
            const size_t length = std::min(unicode::characterBytes(static_cast<unsigned char>(word[begin])),
                                           word.size() - begin);
            const double base = nodes[begin].score;
            bool single = false;
            trie_.forEachPrefix(word.substr(begin), [&](size_t bytes, int32_t id) {
                offer(begin + bytes, begin, base + scoreOf(id, bytes), id);
                single = single || bytes == length;
            });
            if (!single)
                offer(begin + length, begin, base + unknownScore_, -1);
            begin += length;
        }
        return nodes;
    }

    Result<void> encodeWord(std::string_view word, bool, std::vector<ModelToken>& out) const override {
        const std::vector<Node> nodes = bestPath(word);
        std::vector<ModelToken> reversed;
        for (size_t end = word.size(); end > 0; end = nodes[end].begin) {
            const uint32_t bytes = static_cast<uint32_t>(end - nodes[end].begin);
            // Neighbouring unknown characters are one unknown token.
            if (nodes[end].id < 0 && !reversed.empty() && reversed.back().id < 0)
                reversed.back().bytes += bytes;
            else
                reversed.push_back({nodes[end].id, bytes});
        }
        size_t at = 0;
        for (auto token = reversed.rbegin(); token != reversed.rend(); at += token->bytes, ++token) {
            if (token->id >= 0) {
                out.push_back(*token);
                continue;
            }
            const std::string_view text = word.substr(at, token->bytes);
            if (options_.byteFallback && std::all_of(text.begin(), text.end(), [&](char c) {
                    return byteIds_[static_cast<unsigned char>(c)] >= 0;
                })) {
                for (const char c : text)
                    out.push_back({byteIds_[static_cast<unsigned char>(c)], 1});
            } else if (options_.unknownId >= 0) {
                out.push_back({static_cast<int32_t>(options_.unknownId), token->bytes});
            } else {
                return fail(
                    ErrorCode::InvalidFile,
                    fmt::format("\"{}\" is not in the vocabulary and the tokenizer names no unknown token",
                                text),
                    "model.unk_id");
            }
        }
        return {};
    }
};

}  // namespace

Result<std::shared_ptr<const TokenModel>> makeUnigramModel(const std::vector<UnigramPiece>& pieces,
                                                           UnigramOptions options) {
    auto model = std::make_shared<UnigramModel>();
    if (pieces.empty() || options.unknownId >= static_cast<int64_t>(pieces.size()))
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the unknown piece has id {}, the vocabulary {} pieces", options.unknownId,
                                pieces.size()),
                    "model.unk_id");
    model->options_ = options;
    double smallest = std::numeric_limits<double>::infinity();
    model->largestScore_ = -smallest;
    for (size_t i = 0; i < pieces.size(); ++i) {
        const UnigramPiece& piece = pieces[i];
        VITRINE_TRY_VOID(model->vocabulary_.add(piece.text, static_cast<int64_t>(i)));
        model->scores_.push_back(piece.score);
        model->userDefined_.push_back(piece.userDefined);
        if (!piece.usable)
            continue;
        if (piece.text.empty())
            return fail(ErrorCode::InvalidFile, fmt::format("piece {} is empty", i), "model.vocab");
        model->trie_.add(piece.text, static_cast<int32_t>(i));
        if (!piece.userDefined) {
            smallest = std::min(smallest, piece.score);
            model->largestScore_ = std::max(model->largestScore_, piece.score);
        }
    }
    model->unknownScore_ = (std::isfinite(smallest) ? smallest : 0) - kUnknownPenalty;
    for (size_t byte = 0; byte < 256; ++byte)
        model->byteIds_[byte] = model->vocabulary_.byteToken(static_cast<unsigned char>(byte));
    return model;
}

}  // namespace vitrine
