#include "core/tokenizers/charsmap.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace vitrine {
namespace {

// Fields of one unit of the double array (Darts-clone's layout).
bool hasLeaf(uint32_t unit) {
    return (unit >> 8 & 1) == 1;
}
uint32_t leafValue(uint32_t unit) {
    return unit & 0x7FFFFFFF;
}
uint32_t label(uint32_t unit) {
    return unit & (uint32_t(1) << 31 | 0xFF);
}
uint32_t offset(uint32_t unit) {
    return (unit >> 10) << ((unit & uint32_t(1) << 9) >> 6);
}

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view blob) {
    Charsmap map;
    if (blob.empty())
        return map;
    uint32_t trieBytes = 0;
    if (blob.size() < sizeof trieBytes)
        return fail(ErrorCode::InvalidFile, "the normalisation rules are cut off");
    std::memcpy(&trieBytes, blob.data(), sizeof trieBytes);
    if (trieBytes == 0 || trieBytes % 4 != 0 || trieBytes > blob.size() - sizeof trieBytes)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the normalisation rules announce a trie of {} bytes in a block of {} bytes",
                                trieBytes, blob.size()));
    map.units_.resize(trieBytes / 4);
    std::memcpy(map.units_.data(), blob.data() + sizeof trieBytes, trieBytes);
    map.texts_ = blob.substr(sizeof trieBytes + trieBytes);
    return map;
}

std::optional<Charsmap::Match> Charsmap::match(std::string_view text, bool shortest) const {
    if (units_.empty())
        return std::nullopt;
    std::optional<Match> best;
    size_t node = offset(units_[0]);
    for (size_t i = 0; i < text.size(); ++i) {
        const unsigned char byte = static_cast<unsigned char>(text[i]);
        node ^= byte;
        if (byte == 0 || node >= units_.size() || label(units_[node]) != byte)
            break;
        const uint32_t unit = units_[node];
        node ^= offset(unit);
        if (!hasLeaf(unit))
            continue;
        const size_t start = node < units_.size() ? leafValue(units_[node]) : texts_.size();
        if (start >= texts_.size())
            break;
        const size_t end = texts_.find('\0', start);
        best = Match{i + 1,
                     std::string_view(texts_).substr(start, end == std::string::npos ? end : end - start)};
        if (shortest)
            break;
    }
    return best;
}

Result<std::string> decodeBase64(std::string_view text) {
    std::array<int, 256> value;
    value.fill(-1);
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < alphabet.size(); ++i)
        value[static_cast<unsigned char>(alphabet[i])] = static_cast<int>(i);
    std::string out;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        if (c == '=')
            break;
        const int digit = value[static_cast<unsigned char>(c)];
        if (digit < 0)
            return fail(ErrorCode::InvalidFile, "a base64 text holds a character outside its alphabet");
        bits = bits << 6 | static_cast<uint32_t>(digit);
        if ((count += 6) >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> count & 0xFF);
        }
    }
    return out;
}

}  // namespace vitrine
