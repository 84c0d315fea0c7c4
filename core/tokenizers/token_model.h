// The "model" section of a tokenizer: cuts one word into tokens of a vocabulary. Also the vocabulary and the
// byte trie that the models share.
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vitrine {

struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// Tokens by id and ids by token. Ids may leave gaps.
class Vocabulary {
  public:
    static constexpr int64_t kMaxId = 1 << 24;

    // InvalidFile for an id outside [0, kMaxId) or used twice.
    Result<void> add(std::string token, int64_t id);
    int64_t size() const { return static_cast<int64_t>(tokens_.size()); }  // one above the largest id
    int32_t find(std::string_view token) const {
        const auto found = ids_.find(token);
        return found == ids_.end() ? -1 : found->second;
    }
    // nullptr where `id` is unused.
    const std::string* token(int64_t id) const {
        return id >= 0 && id < size() && used_[static_cast<size_t>(id)] ? &tokens_[static_cast<size_t>(id)]
                                                                        : nullptr;
    }
    // Id of "<0x41>" for byte 0x41, or -1.
    int32_t byteToken(unsigned char byte) const { return find(fmt::format("<0x{:02X}>", byte)); }

  private:
    std::vector<std::string> tokens_;
    std::vector<bool> used_;
    std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>> ids_;
};

// Strings with a value each; finds those that begin a text.
class ByteTrie {
  public:
    void add(std::string_view key, int32_t value);
    // Calls action(length, value) for every key that `text` begins with, shortest first.
    template <typename Action>
    void forEachPrefix(std::string_view text, Action action) const {
        uint32_t node = 0;
        for (size_t i = 0; i < text.size(); ++i) {
            node = child(node, static_cast<unsigned char>(text[i]));
            if (node == 0)
                return;
            if (values_[node] >= 0)
                action(i + 1, values_[node]);
        }
    }
    bool empty() const { return values_.size() == 1; }
    bool startsWith(unsigned char byte) const { return starts_[byte]; }

  private:
    struct Edge {
        uint64_t key = ~uint64_t(0);  // node and byte; all ones: free
        uint32_t node = 0;
    };
    static size_t hash(uint64_t key) { return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 32); }
    // The node behind `byte`, or 0 (the root, which is nobody's child).
    uint32_t child(uint32_t node, unsigned char byte) const {
        const uint64_t key = uint64_t(node) << 8 | byte;
        for (size_t at = hash(key) & mask_;; at = (at + 1) & mask_)
            if (edges_[at].key == key || edges_[at].key == ~uint64_t(0))
                return edges_[at].node;
    }
    void insert(uint64_t key, uint32_t node);

    std::vector<Edge> edges_ = std::vector<Edge>(16);  // open addressing, at most half full
    size_t mask_ = 15;
    std::vector<int32_t> values_ = {-1};  // by node
    bool starts_[256] = {};
};

// A token and the number of bytes of the word that it covers.
struct ModelToken {
    int32_t id;
    uint32_t bytes;
};

class TokenModel {
  public:
    virtual ~TokenModel() = default;
    // Appends the tokens of `word` (valid UTF-8, not empty) to `out`. With `byteLevel` the word is meant to
    // be spelled in byte-level characters first; token lengths still count the bytes of `word`. Thread-safe.
    virtual Result<void> encodeWord(std::string_view word, bool byteLevel,
                                    std::vector<ModelToken>& out) const = 0;
    virtual const Vocabulary& vocabulary() const = 0;
    // False where looking a word up costs as much as encoding it again.
    virtual bool worthCaching() const { return true; }
};

}  // namespace vitrine
