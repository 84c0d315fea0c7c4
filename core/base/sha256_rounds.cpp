#include "core/base/sha256_rounds.h"

#include <bit>
#if defined(__x86_64__) && defined(__GNUC__)
#define VITRINE_SHA_INSTRUCTIONS 1
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace vitrine {
namespace {

alignas(16) constexpr std::array<uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t bigEndian(const std::byte* bytes) {
    return uint32_t(bytes[0]) << 24 | uint32_t(bytes[1]) << 16 | uint32_t(bytes[2]) << 8 | uint32_t(bytes[3]);
}

#if VITRINE_SHA_INSTRUCTIONS
bool processorHasShaInstructions() {
    constexpr uint32_t kSsse3 = 1U << 9, kSse41 = 1U << 19, kSha = 1U << 29;
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kSsse3) == 0 || (ecx & kSse41) == 0)
        return false;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kSha) != 0;
}

// The instructions want the eight words as (a, b, e, f) and (c, d, g, h), the highest lane first.
__attribute__((target("sha,sse4.1,ssse3"))) void instructionRounds(Sha256State& state,
                                                                   const std::byte* block) {
    const __m128i bigEndianWords = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    auto* words = reinterpret_cast<__m128i*>(state.data());
    const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xB1),
                  efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1B);
    const __m128i abefBefore = _mm_alignr_epi8(cdab, efgh, 8), cdghBefore = _mm_blend_epi16(efgh, cdab, 0xF0);
    __m128i abef = abefBefore, cdgh = cdghBefore;
    __m128i schedule[4];  // the last sixteen words
#pragma GCC unroll 16
    for (int four = 0; four < 16; ++four) {
        __m128i& next = schedule[four % 4];
        if (four < 4) {
            const auto* from = reinterpret_cast<const __m128i*>(block) + four;
            next = _mm_shuffle_epi8(_mm_loadu_si128(from), bigEndianWords);
        } else {
            const __m128i last = schedule[(four + 3) % 4];
            const __m128i sevenBack = _mm_alignr_epi8(last, schedule[(four + 2) % 4], 4);
            next = _mm_sha256msg1_epu32(next, schedule[(four + 1) % 4]);
            next = _mm_sha256msg2_epu32(_mm_add_epi32(next, sevenBack), last);
        }
        const auto* constants = reinterpret_cast<const __m128i*>(kRoundConstants.data()) + four;
        const __m128i sum = _mm_add_epi32(next, _mm_load_si128(constants));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
    }
    const __m128i feba = _mm_shuffle_epi32(_mm_add_epi32(abef, abefBefore), 0x1B),
                  dchg = _mm_shuffle_epi32(_mm_add_epi32(cdgh, cdghBefore), 0xB1);
    _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}
#endif

}  // namespace

void sha256PlainRounds(Sha256State& state, const std::byte* block) {
    std::array<uint32_t, 64> schedule;
    for (size_t i = 0; i < 16; ++i)
        schedule[i] = bigEndian(block + 4 * i);
    for (size_t i = 16; i < 64; ++i) {
        const uint32_t x = schedule[i - 15], y = schedule[i - 2];
        const uint32_t sigma0 = std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3);
        const uint32_t sigma1 = std::rotr(y, 17) ^ std::rotr(y, 19) ^ (y >> 10);
        schedule[i] = schedule[i - 16] + sigma0 + schedule[i - 7] + sigma1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (size_t i = 0; i < 64; ++i) {
        const uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const uint32_t choice = (e & f) ^ (~e & g);
        const uint32_t t1 = h + sum1 + choice + kRoundConstants[i] + schedule[i];
        const uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + sum0 + majority;
    }
    const std::array<uint32_t, 8> round = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; ++i)
        state[i] += round[i];
}

Sha256Rounds sha256InstructionRounds() {
#if VITRINE_SHA_INSTRUCTIONS
    static const bool possible = processorHasShaInstructions();
    return possible ? instructionRounds : nullptr;
#else
    return nullptr;
#endif
}

}  // namespace vitrine
