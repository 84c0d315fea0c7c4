#include "core/tokenizers/added_tokens.h"

#include "core/tokenizers/unicode.h"

#include <algorithm>

namespace vitrine {
namespace {

size_t previousCharacter(std::string_view text, size_t position) {
    do
        --position;
    while (position > 0 && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80);
    return position;
}

bool wordBefore(std::string_view text, size_t position) {
    if (position == 0)
        return false;
    size_t at = previousCharacter(text, position);
    return unicode::isWord(unicode::nextCharacter(text, at));
}

bool wordAfter(std::string_view text, size_t position) {
    return position < text.size() && unicode::isWord(unicode::nextCharacter(text, position));
}

}  // namespace

Result<AddedTokens> AddedTokens::make(std::vector<AddedToken> tokens, const Normalizer& normalizer) {
    AddedTokens out;
    out.tokens_ = std::move(tokens);
    for (size_t i = 0; i < out.tokens_.size(); ++i) {
        const AddedToken& token = out.tokens_[i];
        if (token.id < 0 || token.id >= Vocabulary::kMaxId)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("added token \"{}\" has id {}, outside 0 to {}", token.content, token.id,
                                    Vocabulary::kMaxId - 1),
                        "added_tokens");
        out.byId_[token.id] = i;
        out.byContent_[token.content] = i;
        if (!unicode::isValidUtf8(token.content))
            continue;  // cannot be typed
        std::string key = token.content;
        if (token.normalized && normalizer) {
            AlignedText text;
            text.text = key;
            VITRINE_TRY(text, normalizer(std::move(text)));
            key = text.text;
        }
        out.tries_[token.normalized ? 1 : 0].add(key, static_cast<int32_t>(i));
    }
    return out;
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text, bool normalized) const {
    const ByteTrie& trie = tries_[normalized ? 1 : 0];
    std::vector<Part> parts;
    size_t kept = 0;
    if (!trie.empty()) {
        for (size_t at = 0; at < text.size();) {
            int32_t best = -1;
            size_t length = 0;
            if (trie.startsWith(static_cast<unsigned char>(text[at])))
                trie.forEachPrefix(text.substr(at), [&](size_t bytes, int32_t index) {
                    length = bytes;
                    best = index;
                });
            if (best < 0) {
                ++at;
                continue;
            }
            const AddedToken& token = tokens_[static_cast<size_t>(best)];
            size_t begin = at, end = at + length;
            at = end;
            if (token.singleWord && (wordBefore(text, begin) || wordAfter(text, end)))
                continue;
            while (token.stripLeft && begin > kept) {
                size_t next = previousCharacter(text, begin);
                const size_t previous = next;
                if (!unicode::isWhitespace(unicode::nextCharacter(text, next)))
                    break;
                begin = previous;
            }
            while (token.stripRight && end < text.size()) {
                size_t next = end;
                if (!unicode::isWhitespace(unicode::nextCharacter(text, next)))
                    break;
                end = next;
            }
            if (begin > kept)
                parts.push_back({kept, begin, -1});
            parts.push_back({begin, end, token.id});
            kept = at = end;
        }
    }
    if (kept < text.size())
        parts.push_back({kept, text.size(), -1});
    return parts;
}

const AddedToken* AddedTokens::byId(int64_t id) const {
    const auto found = byId_.find(id);
    return found == byId_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::byContent(std::string_view content) const {
    const auto found = byContent_.find(content);
    return found == byContent_.end() ? nullptr : &tokens_[found->second];
}

}  // namespace vitrine
