// Remembers how words were cut: text repeats its words, and looking one up is cheaper than merging it again.
// Not thread-safe.
#pragma once

#include "core/tokenizers/token_model.h"

#include <optional>
#include <span>

namespace vitrine {

class WordCache {
  public:
    static constexpr size_t kMaxWordBytes = 96;
    static constexpr size_t kMaxWords = 100000;

    std::optional<std::span<const ModelToken>> find(std::string_view word, bool byteLevel) const {
        if (word.size() > kMaxWordBytes)
            return std::nullopt;
        const auto& words = words_[byteLevel ? 1 : 0];
        const auto found = words.find(word);
        if (found == words.end())
            return std::nullopt;
        return std::span(tokens_).subspan(found->second.first, found->second.count);
    }

    void add(std::string_view word, bool byteLevel, std::span<const ModelToken> tokens) {
        auto& words = words_[byteLevel ? 1 : 0];
        if (word.size() > kMaxWordBytes || words.size() >= kMaxWords)
            return;
        words.emplace(word,
                      Entry{static_cast<uint32_t>(tokens_.size()), static_cast<uint32_t>(tokens.size())});
        tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    }

  private:
    struct Entry {
        uint32_t first;
        uint32_t count;
    };
    std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> words_[2];
    std::vector<ModelToken> tokens_;
};

}  // namespace vitrine
