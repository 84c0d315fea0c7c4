#include "core/tokenizers/bpe_model.h"

#include "core/tokenizers/byte_level.h"
#include "core/tokenizers/unicode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <queue>

namespace vitrine {
namespace {

constexpr size_t kShortWord = 32;  // below, scanning for the best pair beats a heap

void mergeShort(const MergeTable& table, std::vector<ModelToken>& symbols) {
    constexpr MergeTable::Merge none{~uint32_t(0), -1};
    std::array<MergeTable::Merge, kShortWord> next;
    size_t count = symbols.size();
    const auto look = [&](size_t i) {
        const MergeTable::Merge* merge = i + 1 < count && symbols[i].id >= 0 && symbols[i + 1].id >= 0
                                             ? table.find(symbols[i].id, symbols[i + 1].id)
                                             : nullptr;
        next[i] = merge ? *merge : none;
    };
    for (size_t i = 0; i < count; ++i)
        look(i);
    for (;;) {
        size_t best = 0;
        for (size_t i = 1; i < count; ++i)
            if (next[i].rank < next[best].rank)
                best = i;
        if (count == 0 || next[best].id < 0)
            break;
        symbols[best] = {next[best].id, symbols[best].bytes + symbols[best + 1].bytes};
        for (size_t i = best + 1; i + 1 < count; ++i) {
            symbols[i] = symbols[i + 1];
            next[i] = next[i + 1];
        }
        --count;
        look(best);
        if (best > 0)
            look(best - 1);
    }
    symbols.resize(count);
}

void mergeLong(const MergeTable& table, std::vector<ModelToken>& symbols) {
    struct Candidate {
        uint32_t rank;
        uint32_t position;
        int32_t left, right;  // ids when it was queued: a changed symbol makes the candidate stale
        int32_t id;
        bool operator>(const Candidate& other) const {
            return rank != other.rank ? rank > other.rank : position > other.position;
        }
    };
    constexpr uint32_t none = ~uint32_t(0);
    const uint32_t count = static_cast<uint32_t>(symbols.size());
    std::vector<uint32_t> previous(count), next(count);
    std::vector<bool> gone(count);
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
    const auto look = [&](uint32_t at) {
        if (at == none || next[at] == none || symbols[at].id < 0 || symbols[next[at]].id < 0)
            return;
        const int32_t left = symbols[at].id, right = symbols[next[at]].id;
        if (const MergeTable::Merge* merge = table.find(left, right))
            queue.push({merge->rank, at, left, right, merge->id});
    };
    for (uint32_t i = 0; i < count; ++i) {
        previous[i] = i == 0 ? none : i - 1;
        next[i] = i + 1 < count ? i + 1 : none;
    }
    for (uint32_t i = 0; i < count; ++i)
        look(i);
    while (!queue.empty()) {
        const Candidate best = queue.top();
        queue.pop();
        const uint32_t at = best.position;
        if (gone[at] || next[at] == none || symbols[at].id != best.left || symbols[next[at]].id != best.right)
            continue;
        const uint32_t absorbed = next[at];
        symbols[at] = {best.id, symbols[at].bytes + symbols[absorbed].bytes};
        gone[absorbed] = true;
        next[at] = next[absorbed];
        if (next[at] != none)
            previous[next[at]] = at;
        look(at);
        look(previous[at]);
    }
    size_t kept = 0;
    for (uint32_t i = 0; i < count; ++i)
        if (!gone[i])
            symbols[kept++] = symbols[i];
    symbols.resize(kept);
}

class BpeModel final : public TokenModel {
  public:
    Vocabulary vocabulary_;
    MergeTable merges_;
    BpeOptions options_;
    int32_t unknown_ = -1;
    // Ids of one byte-level character: [0] inside a word, [1] as its last, [2] as its first, [3] as its only
    // one.
    std::array<std::array<int32_t, 256>, 4> byteIds_;
    std::array<int32_t, 256> fallbackIds_;
    bool allBytesKnown_ = true;

    const Vocabulary& vocabulary() const override { return vocabulary_; }

    std::string decorated(std::string_view symbol, bool first, bool last) const {
        return (first ? std::string() : options_.continuingPrefix) + std::string(symbol) +
               (last ? options_.wordSuffix : std::string());
    }

    void prepareTables() {
        for (size_t byte = 0; byte < 256; ++byte) {
            for (size_t place = 0; place < 4; ++place) {
                byteIds_[place][byte] =
                    vocabulary_.find(decorated(byteLevelCharacters()[byte], place >= 2, place % 2 == 1));
                allBytesKnown_ = allBytesKnown_ && byteIds_[place][byte] >= 0;
            }
            fallbackIds_[byte] = vocabulary_.byteToken(static_cast<unsigned char>(byte));
        }
    }

    // Appends the symbol `text`, which stands for `bytes` bytes of the word.
    void addSymbol(std::string_view text, uint32_t bytes, bool& fusing, std::vector<ModelToken>& out) const {
        if (const int32_t id = vocabulary_.find(text); id >= 0) {
            out.push_back({id, bytes});
            fusing = false;
            return;
        }
        if (options_.byteFallback && std::all_of(text.begin(), text.end(), [&](char c) {
                return fallbackIds_[static_cast<unsigned char>(c)] >= 0;
            })) {
            for (size_t i = 0; i < text.size(); ++i)
                out.push_back({fallbackIds_[static_cast<unsigned char>(text[i])],
                               i + 1 < text.size()
                                   ? std::min<uint32_t>(1, bytes)
                                   : bytes - std::min<uint32_t>(bytes, uint32_t(text.size()) - 1)});
            fusing = false;
        } else if (unknown_ >= 0 && fusing && options_.fuseUnknown) {
            out.back().bytes += bytes;
        } else if (unknown_ >= 0) {
            out.push_back({unknown_, bytes});
            fusing = true;
        }
    }

    void addCharacters(std::string_view word, bool byteLevel, std::vector<ModelToken>& out) const {
        bool fusing = false;
        for (size_t i = 0; i < word.size();) {
            const unsigned char byte = static_cast<unsigned char>(word[i]);
            const size_t length = byteLevel ? 1 : std::min(unicode::characterBytes(byte), word.size() - i);
            const bool first = i == 0, last = i + length == word.size();
            const std::string_view symbol =
                byteLevel ? std::string_view(byteLevelCharacters()[byte]) : word.substr(i, length);
            if ((first || options_.continuingPrefix.empty()) && (!last || options_.wordSuffix.empty()))
                addSymbol(symbol, static_cast<uint32_t>(length), fusing, out);
            else
                addSymbol(decorated(symbol, first, last), static_cast<uint32_t>(length), fusing, out);
            i += length;
        }
    }

    Result<void> encodeWord(std::string_view word, bool byteLevel,
                            std::vector<ModelToken>& out) const override {
        if (options_.ignoreMerges)
            if (const int32_t id = vocabulary_.find(byteLevel ? toByteLevel(word) : std::string(word));
                id >= 0) {
                out.push_back({id, static_cast<uint32_t>(word.size())});
                return {};
            }
        std::vector<ModelToken> symbols;
        symbols.reserve(word.size());
        if (byteLevel && allBytesKnown_) {
            for (size_t i = 0; i < word.size(); ++i) {
                const size_t place = (i == 0 ? 2 : 0) + (i + 1 == word.size() ? 1 : 0);
                symbols.push_back({byteIds_[place][static_cast<unsigned char>(word[i])], 1});
            }
        } else {
            addCharacters(word, byteLevel, symbols);
        }
        mergeSymbols(merges_, symbols);
        out.insert(out.end(), symbols.begin(), symbols.end());
        return {};
    }
};

}  // namespace

void MergeTable::reserve(size_t count) {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(std::bit_ceil(std::max<size_t>(16, count * 2)), Slot{});
    mask_ = slots_.size() - 1;
    count_ = 0;
    for (const Slot& slot : old)
        if (slot.key != kFree)
            add(static_cast<int32_t>(slot.key >> 32), static_cast<int32_t>(slot.key & 0xFFFFFFFF),
                slot.merge);
}

void MergeTable::add(int32_t left, int32_t right, Merge merge) {
    if (slots_.empty() || count_ * 2 >= slots_.size())
        reserve(std::max<size_t>(16, count_ * 2));
    const uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
    size_t at = hash(key) & mask_;
    while (slots_[at].key != kFree && slots_[at].key != key)
        at = (at + 1) & mask_;
    if (slots_[at].key == key)
        return;
    slots_[at] = {key, merge};
    ++count_;
}

void mergeSymbols(const MergeTable& table, std::vector<ModelToken>& symbols) {
    if (symbols.size() <= kShortWord)
        mergeShort(table, symbols);
    else
        mergeLong(table, symbols);
}

Result<std::shared_ptr<const TokenModel>> makeBpeModel(
    Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& merges,
    BpeOptions options) {
    auto model = std::make_shared<BpeModel>();
    model->vocabulary_ = std::move(vocabulary);
    model->options_ = std::move(options);
    const Vocabulary& words = model->vocabulary_;
    const std::string& prefix = model->options_.continuingPrefix;
    if (model->options_.unknownToken)
        model->unknown_ = words.find(*model->options_.unknownToken);
    const std::vector<uint32_t>& ranks = model->options_.ranks;
    if (!ranks.empty() && ranks.size() != merges.size())
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} ranks for {} merges", ranks.size(), merges.size()), "model.merges");
    model->merges_.reserve(merges.size());
    for (size_t rank = 0; rank < merges.size(); ++rank) {
        const auto& [left, right] = merges[rank];
        const std::string_view tail =
            std::string_view(right).substr(right.starts_with(prefix) ? prefix.size() : 0);
        const std::string merged = left + std::string(tail);
        for (const std::string* part : {&left, &right, &merged})
            if (words.find(*part) < 0)
                return fail(
                    ErrorCode::InvalidFile,
                    fmt::format("merge {} (\"{}\" + \"{}\") names \"{}\", which is not in the vocabulary",
                                rank, left, right, *part),
                    "model.merges", "Take vocabulary and merges from the same checkpoint.");
        model->merges_.add(words.find(left), words.find(right),
                           {ranks.empty() ? static_cast<uint32_t>(rank) : ranks[rank], words.find(merged)});
    }
    model->prepareTables();
    return model;
}

}  // namespace vitrine
