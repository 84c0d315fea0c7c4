// A text on its way through normalisers and pre-tokenisers that remembers, for every byte, which bytes of the
// text it came from, so that tokens can be marked in what the user typed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

struct ByteRange {
    uint32_t begin = 0;
    uint32_t end = 0;
    bool operator==(const ByteRange&) const = default;
};

struct AlignedText {
    std::string text;
    std::vector<ByteRange> origins;  // one per byte of `text`; empty: byte i is byte base + i of the source
    uint32_t base = 0;

    ByteRange origin(size_t begin, size_t end) const {
        if (begin >= end)
            return {};
        if (origins.empty())
            return {base + uint32_t(begin), base + uint32_t(end)};
        return {origins[begin].begin, origins[end - 1].end};
    }
};

// Writes a new AlignedText from an old one.
class AlignedTextWriter {
  public:
    explicit AlignedTextWriter(const AlignedText& source) : source_(source) { result_.base = source.base; }

    // Copies bytes [begin, end) of the source.
    void keep(size_t begin, size_t end) {
        result_.text.append(source_.text, begin, end - begin);
        for (size_t i = begin; i < end; ++i)
            result_.origins.push_back(source_.origin(i, i + 1));
    }
    // Writes `text` in place of bytes [begin, end) of the source (empty range: inserted at `begin`).
    void replace(size_t begin, size_t end, std::string_view text) {
        ByteRange from = source_.origin(begin, end);
        if (begin >= end && !source_.text.empty()) {
            const uint32_t at = begin < source_.text.size() ? source_.origin(begin, begin + 1).begin
                                                            : source_.origin(begin - 1, begin).end;
            from = {at, at};
        }
        result_.text += text;
        result_.origins.insert(result_.origins.end(), text.size(), from);
    }
    // Drops what was written behind the first `size` bytes.
    void truncate(size_t size) {
        result_.text.resize(size);
        result_.origins.resize(size);
    }
    AlignedText take() { return std::move(result_); }
    size_t size() const { return result_.text.size(); }

  private:
    const AlignedText& source_;
    AlignedText result_;
};

}  // namespace vitrine
