// SentencePiece's compiled normalisation rules: a double-array trie from character sequences to replacement
// texts (`precompiled_charsmap`; layout: uint32 size of the trie in bytes, the trie, NUL-terminated texts).
#pragma once

#include "core/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

class Charsmap {
  public:
    // `blob` may be empty (no rules). InvalidFile where the sizes do not fit.
    static Result<Charsmap> parse(std::string_view blob);

    struct Match {
        size_t bytes = 0;  // of the text that is replaced
        std::string_view replacement;
    };
    // The rule for the longest (or, `shortest`, the first found) beginning of `text`.
    std::optional<Match> match(std::string_view text, bool shortest) const;
    bool empty() const { return units_.empty(); }

  private:
    std::vector<uint32_t> units_;
    std::string texts_;
};

// Standard base64 with padding, as tokenizer.json stores the blob.
Result<std::string> decodeBase64(std::string_view text);

}  // namespace vitrine
