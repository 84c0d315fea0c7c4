// Tokens that are found in the text before the model sees it: special tokens and those a user added.
#pragma once

#include "core/tokenizers/normalizers.h"
#include "core/tokenizers/token_model.h"

namespace vitrine {

struct AddedToken {
    std::string content;
    int64_t id = 0;
    bool singleWord = false;  // only where no letter touches it
    bool stripLeft = false;   // takes the whitespace in front of it along
    bool stripRight = false;  // ... and behind it
    bool normalized = false;  // looked for in the normalised text, else in the text as typed
    bool special = false;     // left out by decode with skipSpecialTokens
};

class AddedTokens {  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming): its copy of tries_
  public:
    // Normalised tokens are normalised by `normalizer` (may be empty) themselves.
    static Result<AddedTokens> make(std::vector<AddedToken> tokens, const Normalizer& normalizer);

    struct Part {
        size_t begin;
        size_t end;
        int64_t id;  // -1: ordinary text
    };
    // Cuts `text` at the tokens of one kind: the leftmost, of those the longest. Empty parts are left out.
    std::vector<Part> split(std::string_view text, bool normalized) const;

    const std::vector<AddedToken>& tokens() const { return tokens_; }
    const AddedToken* byId(int64_t id) const;
    const AddedToken* byContent(std::string_view content) const;

  private:
    std::vector<AddedToken> tokens_;
    ByteTrie tries_[2];  // indices into tokens_; [1]: normalised tokens
    std::unordered_map<int64_t, size_t> byId_;
    std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> byContent_;
};

}  // namespace vitrine
