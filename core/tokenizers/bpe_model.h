// Byte-pair encoding: merges the neighbouring pair of lowest rank until no pair is in the table. Words of n
// symbols cost O(n log n).
#pragma once

#include "core/tokenizers/token_model.h"

#include <memory>
#include <optional>

namespace vitrine {

// Pairs of ids, the rank at which they merge and what they become.
class MergeTable {
  public:
    struct Merge {
        uint32_t rank;
        int32_t id;
    };
    void reserve(size_t count);
    // The first entry of a pair stays.
    void add(int32_t left, int32_t right, Merge merge);
    const Merge* find(int32_t left, int32_t right) const {
        if (slots_.empty())
            return nullptr;
        const uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
        for (size_t at = hash(key) & mask_;; at = (at + 1) & mask_) {
            if (slots_[at].key == key)
                return &slots_[at].merge;
            if (slots_[at].key == kFree)
                return nullptr;
        }
    }

  private:
    static constexpr uint64_t kFree = ~uint64_t(0);
    struct Slot {
        uint64_t key = kFree;
        Merge merge{};
    };
    static size_t hash(uint64_t key) { return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 29); }
    std::vector<Slot> slots_;
    size_t mask_ = 0;
    size_t count_ = 0;
};

// Applies the table to `symbols`, in place. Of equal ranks the leftmost goes first. Symbols with a negative
// id never merge.
void mergeSymbols(const MergeTable& table, std::vector<ModelToken>& symbols);

struct BpeOptions {
    std::optional<std::string> unknownToken;
    std::string continuingPrefix;  // written in front of every symbol of a word but the first
    std::string wordSuffix;        // written behind the last symbol of a word ("</w>")
    bool fuseUnknown = false;      // neighbouring unknown characters become one token
    bool byteFallback = false;     // unknown characters become tokens "<0x..>"
    bool ignoreMerges = false;     // a word that is a token stays whole, whatever the merges say
    // Rank of each merge; empty: its place in the list. Vocabularies that state ranks only (tekken.json) have
    // one rank for all the ways to make a token.
    std::vector<uint32_t> ranks;
};

// `merges` in order of rank. InvalidFile where a merge or its result is not in the vocabulary.
Result<std::shared_ptr<const TokenModel>> makeBpeModel(
    Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& merges,
    BpeOptions options);

}  // namespace vitrine
