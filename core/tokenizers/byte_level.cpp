#include "core/tokenizers/byte_level.h"

#include "core/tokenizers/unicode.h"

namespace vitrine {
namespace {

// Printable Latin-1 stands for itself; the other bytes get the code points from 256 on, in order.
bool standsForItself(int byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

std::array<int, 512> makeByteOfCharacter() {
    std::array<int, 512> bytes;
    bytes.fill(-1);
    int next = 256;
    for (int byte = 0; byte < 256; ++byte)
        bytes[static_cast<size_t>(standsForItself(byte) ? byte : next++)] = byte;
    return bytes;
}

}  // namespace

const std::array<std::string, 256>& byteLevelCharacters() {
    static const std::array<std::string, 256> table = [] {
        std::array<std::string, 256> characters;
        char32_t next = 256;
        for (int byte = 0; byte < 256; ++byte)
            unicode::appendCharacter(characters[static_cast<size_t>(byte)],
                                     standsForItself(byte) ? static_cast<char32_t>(byte) : next++);
        return characters;
    }();
    return table;
}

std::string toByteLevel(std::string_view bytes) {
    std::string out;
    for (const char c : bytes)
        out += byteLevelCharacters()[static_cast<unsigned char>(c)];
    return out;
}

std::optional<std::string> fromByteLevel(std::string_view text) {
    static const std::array<int, 512> byteOf = makeByteOfCharacter();
    std::string out;
    for (size_t i = 0; i < text.size();) {
        const char32_t character = unicode::nextCharacter(text, i);
        if (character >= byteOf.size() || byteOf[character] < 0)
            return std::nullopt;
        out += static_cast<char>(byteOf[character]);
    }
    return out;
}

}  // namespace vitrine
