#include "core/base/hash.h"

#include "core/base/sha256_rounds.h"

#include <gtest/gtest.h>

#include <random>

namespace vitrine {

// Test vectors of FIPS 180-4.
TEST(Sha256, MatchesPublishedVectors) {
    EXPECT_EQ(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256Hex(std::string(1'000'000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecewiseEqualsWhole) {
    const std::string text(1000, 'x');
    for (const size_t cut : {1u, 55u, 63u, 64u, 65u, 999u}) {
        Sha256 hash;
        hash.update(std::string_view(text).substr(0, cut));
        hash.update(std::string_view(text).substr(cut));
        EXPECT_EQ(hash.hexDigest(), sha256Hex(text)) << "cut at " << cut;
    }
}

TEST(Sha256, TheProcessorsInstructionsGiveThePlainRounds) {
    const Sha256Rounds fast = sha256InstructionRounds();
    if (!fast)
        GTEST_SKIP() << "this processor has no instructions for SHA-256";
    std::mt19937 random(1);
    Sha256State plainState{}, fastState{};
    for (int block = 0; block < 100; ++block) {
        std::array<std::byte, 64> bytes;
        for (std::byte& each : bytes)
            each = std::byte(random());
        sha256PlainRounds(plainState, bytes.data());
        fast(fastState, bytes.data());
        ASSERT_EQ(fastState, plainState) << "block " << block;
    }
}

}  // namespace vitrine
