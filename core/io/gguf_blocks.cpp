#include "core/io/gguf_blocks.h"

#include "core/io/half.h"
#include "core/io/unaligned.h"


namespace vitrine {
namespace {

float half(const std::byte* at) {
    return halfToFloat(load<uint16_t>(at));
}

int byteAt(const std::byte* at, int index) {
    return std::to_integer<int>(at[index]);
}

// Blocks of 32 -------------------------------------------------------------------------------------------

// 16 bytes: the low nibbles are values 0 to 15, the high ones 16 to 31. `value`: of a nibble and its index.
template <typename Value>
void decodeNibbles(const std::byte* packed, float* values, Value value) {
    for (int i = 0; i < 16; ++i)
        values[i] = value(byteAt(packed, i) & 15, i);
    for (int i = 0; i < 16; ++i)
        values[i + 16] = value(byteAt(packed, i) >> 4, i + 16);
}

void decodeQ80(const std::byte* block, float* values) {
    const float scale = half(block);
    for (int i = 0; i < 32; ++i)
        values[i] = scale * float(load<int8_t>(block + 2 + i));
}

void decodeQ40(const std::byte* block, float* values) {
    const float scale = half(block);
    decodeNibbles(block + 2, values, [=](int level, int) { return scale * float(level - 8); });
}

void decodeQ41(const std::byte* block, float* values) {
    const float scale = half(block), offset = half(block + 2);
    decodeNibbles(block + 4, values, [=](int level, int) { return scale * float(level) + offset; });
}

// The fifth bits are one word: bit i of value i.
int fiveBits(int nibble, uint32_t fifth, int index) {
    return nibble | int(fifth >> index & 1) << 4;
}

void decodeQ50(const std::byte* block, float* values) {
    const float scale = half(block);
    const auto fifth = load<uint32_t>(block + 2);
    decodeNibbles(block + 6, values,
                  [=](int nibble, int index) { return scale * float(fiveBits(nibble, fifth, index) - 16); });
}

void decodeQ51(const std::byte* block, float* values) {
    const float scale = half(block), offset = half(block + 2);
    const auto fifth = load<uint32_t>(block + 4);
    decodeNibbles(block + 8, values, [=](int nibble, int index) {
        return scale * float(fiveBits(nibble, fifth, index)) + offset;
    });
}

// Levels that lie closer together near zero.
constexpr float kUnevenLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};

void decodeUneven(const std::byte* packed, float scale, float* values) {
    decodeNibbles(packed, values, [=](int level, int) { return scale * kUnevenLevels[level]; });
}

void decodeIQ4NL(const std::byte* block, float* values) {
    decodeUneven(block + 2, half(block), values);
}

// Blocks of 256 ------------------------------------------------------------------------------------------

// Eight groups of 32, each as in IQ4_NL with a scale of six bits: four in a nibble, two in a word.
void decodeIQ4XS(const std::byte* block, float* values) {
    const float scale = half(block);
    const auto highBits = load<uint16_t>(block + 2);
    for (int group = 0; group < 8; ++group) {
        const int low = byteAt(block + 4, group / 2) >> 4 * (group % 2) & 15;
        const int factor = (low | (highBits >> 2 * group & 3) << 4) - 32;
        decodeUneven(block + 8 + 16 * group, scale * float(factor), values + 32 * group);
    }
}

// Where the 16 groups of 16 values of Q2_K, Q3_K and Q6_K lie: each half of the block (groups 0 to 7, 8 to
// 15) has 32 bytes for every two bits of a value, and four pairs of groups lie above one another in each.
struct PairedGroup {
    explicit PairedGroup(int group) : byte(32 * (group / 8) + 16 * (group % 2)), shift(2 * (group % 8 / 2)) {}
    int byte, shift;
};

void decodeQ2K(const std::byte* block, float* values) {
    const std::byte* scales = block;
    const std::byte* levels = block + 16;
    const float scale = half(block + 80), least = half(block + 82);
    for (int group = 0; group < 16; ++group) {
        const PairedGroup at(group);
        const float step = scale * float(byteAt(scales, group) & 15);
        const float offset = least * float(byteAt(scales, group) >> 4);
        for (int i = 0; i < 16; ++i)
            values[16 * group + i] = step * float(byteAt(levels, at.byte + i) >> at.shift & 3) - offset;
    }
}

void decodeQ3K(const std::byte* block, float* values) {
    const std::byte* third = block;  // the third bits: byte of the place in a pair of groups, bit of the pair
    const std::byte* levels = block + 32;
    const std::byte* scales = block + 96;
    const float scale = half(block + 108);
    for (int group = 0; group < 16; ++group) {
        const PairedGroup at(group);
        // Six bits: four in the nibbles of eight bytes, two in the next four bytes.
        const int low = byteAt(scales, group % 8) >> 4 * (group / 8) & 15;
        const int high = byteAt(scales, 8 + group % 4) >> 2 * (group / 4) & 3;
        const float step = scale * float((low | high << 4) - 32);
        for (int i = 0; i < 16; ++i) {
            const int low2 = byteAt(levels, at.byte + i) >> at.shift & 3;
            const int bit = byteAt(third, 16 * (group % 2) + i) >> group / 2 & 1;
            values[16 * group + i] = step * float((low2 | bit << 2) - 4);
        }
    }
}

void decodeQ6K(const std::byte* block, float* values) {
    const std::byte* lowNibbles = block;
    const std::byte* highPairs = block + 128;
    const std::byte* scales = block + 192;
    const float scale = half(block + 208);
    for (int group = 0; group < 16; ++group) {
        const PairedGroup at(group);
        const float step = scale * float(load<int8_t>(scales + group));
        // Pairs 0 and 1 of a half are the low nibbles of its 64 bytes, pairs 2 and 3 the high ones.
        const int pair = group % 8 / 2;
        const int nibbles = 64 * (group / 8) + 32 * (pair % 2) + 16 * (group % 2);
        for (int i = 0; i < 16; ++i) {
            const int low = byteAt(lowNibbles, nibbles + i) >> 4 * (pair / 2) & 15;
            const int high = byteAt(highPairs, at.byte + i) >> at.shift & 3;
            values[16 * group + i] = step * float((low | high << 4) - 32);
        }
    }
}

// Eight scales and eight offsets of six bits in twelve bytes. The first four of each fill the lower six bits
// of a byte; of the others, four bits lie in the nibbles of the last bytes, two above the first ones.
struct SixBitScale {
    SixBitScale(const std::byte* packed, int group) {
        if (group < 4) {
            scale = byteAt(packed, group) & 63;
            offset = byteAt(packed, group + 4) & 63;
        } else {
            scale = (byteAt(packed, group + 4) & 15) | byteAt(packed, group - 4) >> 6 << 4;
            offset = byteAt(packed, group + 4) >> 4 | byteAt(packed, group) >> 6 << 4;
        }
    }
    int scale, offset;
};

// Eight groups of 32; two neighbours share 32 bytes, the first in the low nibbles. Q5_K: bit g of byte i of
// `fifth` is the fifth bit of value i of group g.
template <bool kFiveBits>
void decodeQ45K(const std::byte* block, float* values) {
    const float scale = half(block), least = half(block + 2);
    const std::byte* fifth = block + 16;
    const std::byte* nibbles = block + 16 + (kFiveBits ? 32 : 0);
    for (int group = 0; group < 8; ++group) {
        const SixBitScale six(block + 4, group);
        const float step = scale * float(six.scale), offset = least * float(six.offset);
        const std::byte* packed = nibbles + 32 * (group / 2);
        for (int i = 0; i < 32; ++i) {
            int level = byteAt(packed, i) >> 4 * (group % 2) & 15;
            if constexpr (kFiveBits)
                level |= (byteAt(fifth, i) >> group & 1) << 4;
            values[32 * group + i] = step * float(level) - offset;
        }
    }
}

}  // namespace

GgufBlockDecoder ggufBlockDecoder(DType dtype) {
    switch (dtype) {
        case DType::Q8_0:
            return decodeQ80;
        case DType::Q4_0:
            return decodeQ40;
        case DType::Q4_1:
            return decodeQ41;
        case DType::Q5_0:
            return decodeQ50;
        case DType::Q5_1:
            return decodeQ51;
        case DType::Q2_K:
            return decodeQ2K;
        case DType::Q3_K:
            return decodeQ3K;
        case DType::Q4_K:
            return decodeQ45K<false>;
        case DType::Q5_K:
            return decodeQ45K<true>;
        case DType::Q6_K:
            return decodeQ6K;
        case DType::IQ4_NL:
            return decodeIQ4NL;
        case DType::IQ4_XS:
            return decodeIQ4XS;
        default:
            return nullptr;
    }
}

}  // namespace vitrine
