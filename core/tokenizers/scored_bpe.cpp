#include "core/tokenizers/scored_bpe.h"

#include "core/tokenizers/unicode.h"

#include <algorithm>

namespace vitrine {

void ScoredBpe::build(const SentencePieceModel& model, int64_t idCount) {
    using Type = SentencePieceModel::PieceType;
    const auto& pieces = model.pieces;
    for (size_t i = 0; i < pieces.size(); ++i)
        if (pieces[i].type == Type::Normal || pieces[i].type == Type::UserDefined)
            symbols_.emplace(pieces[i].text, static_cast<int32_t>(i));
    nextSymbol_ = static_cast<int32_t>(idCount);
    std::vector<int32_t> byScore;
    for (const auto& [text, id] : symbols_)
        byScore.push_back(id);
    const auto score = [&](int32_t id) { return pieces[static_cast<size_t>(id)].score; };
    std::sort(byScore.begin(), byScore.end(),
              [&](int32_t a, int32_t b) { return score(a) != score(b) ? score(a) > score(b) : a < b; });
    for (const int32_t id : byScore)
        addCharacters(pieces[static_cast<size_t>(id)].text);
    uint32_t rank = 0;
    for (size_t i = 0; i < byScore.size(); ++i) {
        if (i > 0 && score(byScore[i]) != score(byScore[i - 1]))
            ++rank;
        addCuts(pieces[static_cast<size_t>(byScore[i])].text, {rank, byScore[i]});
    }
}

void ScoredBpe::addCharacters(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const size_t length = unicode::characterBytes(static_cast<unsigned char>(text[at]));
        if (symbols_.try_emplace(std::string(text.substr(at, length)), nextSymbol_).second)
            ++nextSymbol_;
        at += length;
    }
}

void ScoredBpe::addCuts(std::string_view text, MergeTable::Merge merge) {
    for (size_t at = unicode::characterBytes(static_cast<unsigned char>(text[0])); at < text.size();
         at += unicode::characterBytes(static_cast<unsigned char>(text[at]))) {
        const int32_t left = symbol(text.substr(0, at)), right = symbol(text.substr(at));
        if (left >= 0 && right >= 0)
            table_.add(left, right, merge);
    }
}

}  // namespace vitrine
