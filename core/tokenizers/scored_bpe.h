// The byte-pair encoding of SentencePiece: any neighbours whose joined text is a piece merge, best score
// first. As a table of pairs: every cut of every piece into two symbols, ranked by the piece's score.
#pragma once

#include "core/tokenizers/bpe_model.h"
#include "core/tokenizers/sentencepiece.h"

namespace vitrine {

class ScoredBpe {
  public:
    // Ids from `idCount` on are given to characters that are halves of a piece but no piece themselves.
    void build(const SentencePieceModel& model, int64_t idCount);

    // Id of a character or piece, or -1.
    int32_t symbol(std::string_view text) const {
        const auto found = symbols_.find(text);
        return found == symbols_.end() ? -1 : found->second;
    }
    const MergeTable& table() const { return table_; }

  private:
    void addCharacters(std::string_view text);
    void addCuts(std::string_view text, MergeTable::Merge merge);

    std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>> symbols_;
    int32_t nextSymbol_ = 0;
    MergeTable table_;
};

}  // namespace vitrine
