#include "core/io/gguf_blocks.h"

#include "core/io/dequantize.h"
#include "core/io/gguf.h"
#include "tests/support/test_data.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace vitrine {
namespace {

constexpr DType kTypes[] = {DType::Q8_0, DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1,   DType::Q2_K,
                            DType::Q3_K, DType::Q4_K, DType::Q5_K, DType::Q6_K, DType::IQ4_NL, DType::IQ4_XS};

// A block that is filled bit by bit, as ggml's structs describe it.
class Block {
  public:
    explicit Block(DType dtype)
        : dtype_(dtype), bytes_(*byteCount(dtype, uint64_t(elementsPerBlock(dtype)))) {}

    // `width` bits of `value` from its bit `from` on, at `bit` of byte `at`.
    void put(int at, int bit, int value, int width, int from = 0) {
        bytes_[size_t(at)] |= std::byte(((value >> from) & ((1 << width) - 1)) << bit);
    }
    void putHalf(int at, uint16_t half) {
        put(at, 0, half, 8);
        put(at + 1, 0, half, 8, 8);
    }
    std::vector<float> values() const {
        const auto count = int64_t(elementsPerBlock(dtype_));
        const TensorBytes tensor{{"block", dtype_, {count}, bytes_.size(), {}}, bytes_, nullptr};
        const auto result = dequantize(tensor);
        EXPECT_TRUE(result);
        return result ? *result : std::vector<float>();
    }

  private:
    DType dtype_;
    std::vector<std::byte> bytes_;
};

// Halves of known value.
constexpr uint16_t kQuarter = 0x3400, kMinusThree = 0xc200, kTiny = 0x0001;
constexpr float kTinyValue = 0x1p-24f;

class Numbers {
  public:
    int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }

  private:
    std::mt19937 random_{7};
};

TEST(GgufBlocks, EightBits) {
    Block block(DType::Q8_0);
    block.putHalf(0, kQuarter);
    for (int i = 0; i < 32; ++i)
        block.put(2 + i, 0, i * 8 - 128, 8);
    const auto values = block.values();
    for (int i = 0; i < 32; ++i)
        EXPECT_EQ(values[size_t(i)], 0.25f * float(i * 8 - 128)) << i;
}

// Byte i of the nibbles holds values i and i + 16.
TEST(GgufBlocks, FourAndFiveBits) {
    for (const DType dtype : {DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1}) {
        const bool five = dtype == DType::Q5_0 || dtype == DType::Q5_1;
        const bool offset = dtype == DType::Q4_1 || dtype == DType::Q5_1;
        const int fifth = offset ? 4 : 2, nibbles = fifth + (five ? 4 : 0);
        Block block(dtype);
        Numbers numbers;
        block.putHalf(0, kQuarter);
        if (offset)
            block.putHalf(2, kMinusThree);
        std::vector<float> wanted;
        for (int i = 0; i < 32; ++i) {
            const int level = numbers.below(five ? 32 : 16);
            block.put(nibbles + i % 16, i / 16 * 4, level, 4);
            if (five)
                block.put(fifth + i / 8, i % 8, level, 1, 4);
            wanted.push_back(offset ? 0.25f * float(level) - 3 : 0.25f * float(level - (five ? 16 : 8)));
        }
        EXPECT_EQ(block.values(), wanted) << dtypeName(dtype);
    }
}

TEST(GgufBlocks, UnevenLevels) {
    const float levels[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    Block small(DType::IQ4_NL), large(DType::IQ4_XS);
    Numbers numbers;
    std::vector<float> wanted, wantedLarge;
    small.putHalf(0, kQuarter);
    for (int i = 0; i < 32; ++i) {
        const int level = numbers.below(16);
        small.put(2 + i % 16, i / 16 * 4, level, 4);
        wanted.push_back(0.25f * levels[level]);
    }
    EXPECT_EQ(small.values(), wanted);
    large.putHalf(0, kQuarter);
    for (int group = 0; group < 8; ++group) {
        const int factor = numbers.below(64);
        large.put(4 + group / 2, group % 2 * 4, factor, 4);
        large.put(2 + group / 4, group % 4 * 2, factor, 2, 4);
        for (int i = 0; i < 32; ++i) {
            const int level = numbers.below(16);
            large.put(8 + group * 16 + i % 16, i / 16 * 4, level, 4);
            wantedLarge.push_back(0.25f * float(factor - 32) * levels[level]);
        }
    }
    EXPECT_EQ(large.values(), wantedLarge);
}

// 16 groups of 16. Value e lies in half e / 128; there, 32 bytes of two bits hold values that are 32 apart.
TEST(GgufBlocks, TwoBitsWithOffsets) {
    Block block(DType::Q2_K);
    Numbers numbers;
    block.putHalf(80, kQuarter);
    block.putHalf(82, kMinusThree);
    std::vector<float> wanted;
    for (int group = 0; group < 16; ++group) {
        const int scale = numbers.below(16), offset = numbers.below(16);
        block.put(group, 0, scale, 4);
        block.put(group, 4, offset, 4);
        for (int e = group * 16; e < group * 16 + 16; ++e) {
            const int level = numbers.below(4);
            block.put(16 + e / 128 * 32 + e % 32, e % 128 / 32 * 2, level, 2);
            wanted.push_back(0.25f * float(scale * level) + 3.f * float(offset));
        }
    }
    EXPECT_EQ(block.values(), wanted);
}

TEST(GgufBlocks, ThreeBits) {
    Block block(DType::Q3_K);
    Numbers numbers;
    block.putHalf(108, kTiny);
    std::vector<float> wanted;
    for (int group = 0; group < 16; ++group) {
        const int scale = numbers.below(64);
        block.put(96 + group % 8, group / 8 * 4, scale, 4);
        block.put(104 + group % 4, group / 4 * 2, scale, 2, 4);
        for (int e = group * 16; e < group * 16 + 16; ++e) {
            const int level = numbers.below(8);
            block.put(32 + e / 128 * 32 + e % 32, e % 128 / 32 * 2, level, 2);
            block.put(e % 32, e / 32, level, 1, 2);
            wanted.push_back(kTinyValue * float((scale - 32) * (level - 4)));
        }
    }
    EXPECT_EQ(block.values(), wanted);
}

TEST(GgufBlocks, FourAndFiveBitsWithOffsets) {
    for (const DType dtype : {DType::Q4_K, DType::Q5_K}) {
        const bool five = dtype == DType::Q5_K;
        Block block(dtype);
        Numbers numbers;
        block.putHalf(0, kQuarter);
        block.putHalf(2, kMinusThree);
        std::vector<float> wanted;
        for (int group = 0; group < 8; ++group) {
            const int scale = numbers.below(64), offset = numbers.below(64);
            if (group < 4) {
                block.put(4 + group, 0, scale, 6);
                block.put(8 + group, 0, offset, 6);
            } else {
                block.put(8 + group, 0, scale, 4);
                block.put(8 + group, 4, offset, 4);
                block.put(group, 6, scale, 2, 4);
                block.put(4 + group, 6, offset, 2, 4);
            }
            for (int i = 0; i < 32; ++i) {
                const int level = numbers.below(five ? 32 : 16);
                block.put((five ? 48 : 16) + group / 2 * 32 + i, group % 2 * 4, level, 4);
                if (five)
                    block.put(16 + i, group, level, 1, 4);
                wanted.push_back(0.25f * float(scale * level) + 3.f * float(offset));
            }
        }
        EXPECT_EQ(block.values(), wanted) << dtypeName(dtype);
    }
}

TEST(GgufBlocks, SixBits) {
    Block block(DType::Q6_K);
    Numbers numbers;
    block.putHalf(208, kMinusThree);
    std::vector<float> wanted;
    for (int group = 0; group < 16; ++group) {
        const int scale = numbers.below(256) - 128;
        block.put(192 + group, 0, scale, 8);
        for (int e = group * 16; e < group * 16 + 16; ++e) {
            const int level = numbers.below(64);
            block.put(e / 128 * 64 + e % 64, e % 128 / 64 * 4, level, 4);
            block.put(128 + e / 128 * 32 + e % 32, e % 128 / 32 * 2, level, 2, 4);
            wanted.push_back(-3.f * float(scale * (level - 32)));
        }
    }
    EXPECT_EQ(block.values(), wanted);
}

// Random blocks as the `gguf` package reads them (tests/data/make_gguf_blocks.py): to the bit.
TEST(GgufBlocks, AgreeWithTheFormatsOwnPackage) {
    const auto file = openGguf(testing::dataFolder() / "io/gguf_blocks.gguf");
    ASSERT_TRUE(file) << file.error().text();
    for (const DType dtype : kTypes) {
        const std::string name(dtypeName(dtype));
        const auto stored = file->tensors->read(name);
        const auto golden = file->tensors->read(name + ".values");
        ASSERT_TRUE(stored && golden) << name;
        EXPECT_EQ(stored->info.dtype, dtype);
        EXPECT_EQ(stored->info.shape, golden->info.shape);
        const auto values = dequantize(*stored), wanted = dequantize(*golden);
        ASSERT_TRUE(values && wanted) << name;
        EXPECT_EQ(*values, *wanted) << name;
    }
}

TEST(GgufBlocks, PartsOfBlocksAreThoseOfTheWhole) {
    const auto file = openGguf(testing::dataFolder() / "io/gguf_blocks.gguf");
    ASSERT_TRUE(file) << file.error().text();
    for (const DType dtype : kTypes) {
        const auto stored = file->tensors->read(std::string(dtypeName(dtype)));
        ASSERT_TRUE(stored);
        const auto whole = dequantize(*stored);
        ASSERT_TRUE(whole);
        const std::pair<size_t, size_t> ranges[] = {{0, 1}, {31, 3}, {250, 200}, {511, 1}};
        for (const auto& [first, count] : ranges) {
            std::vector<double> part(count);
            decodeElements(dtype, stored->bytes, first, std::span(part));
            for (size_t i = 0; i < count; ++i)
                EXPECT_EQ(part[i], double((*whole)[first + i])) << dtypeName(dtype) << " " << first + i;
        }
    }
}

TEST(GgufBlocks, OnlyBlocksHaveADecoder) {
    for (const DType dtype : kTypes) {
        EXPECT_TRUE(ggufBlockDecoder(dtype));
        EXPECT_LE(elementsPerBlock(dtype), kMostBlockElements);
    }
    EXPECT_FALSE(ggufBlockDecoder(DType::F32));
    EXPECT_FALSE(ggufBlockDecoder(DType::I4));
    EXPECT_FALSE(byteCount(DType::Q4_K, 255));
    EXPECT_EQ(byteCount(DType::Q4_K, 512), 288u);
}

}  // namespace
}  // namespace vitrine
