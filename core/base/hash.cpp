#include "core/base/hash.h"

#include "core/base/file.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace vitrine {
namespace {

constexpr std::array<uint32_t, 8> kInitialState = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr std::array<uint32_t, 64> kRoundConstants = {
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

}  // namespace

Sha256::Sha256() : state_(kInitialState) {}

void Sha256::processBlock(const std::byte* block) {
    std::array<uint32_t, 64> schedule;
    for (size_t i = 0; i < 16; ++i)
        schedule[i] = bigEndian(block + 4 * i);
    for (size_t i = 16; i < 64; ++i) {
        const uint32_t x = schedule[i - 15], y = schedule[i - 2];
        const uint32_t sigma0 = std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3);
        const uint32_t sigma1 = std::rotr(y, 17) ^ std::rotr(y, 19) ^ (y >> 10);
        schedule[i] = schedule[i - 16] + sigma0 + schedule[i - 7] + sigma1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
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
        state_[i] += round[i];
}

void Sha256::update(std::span<const std::byte> bytes) {
    totalBytes_ += bytes.size();
    while (!bytes.empty()) {
        if (buffered_ == 0 && bytes.size() >= 64) {
            processBlock(bytes.data());
            bytes = bytes.subspan(64);
            continue;
        }
        const size_t count = std::min(bytes.size(), 64 - buffered_);
        std::memcpy(buffer_.data() + buffered_, bytes.data(), count);
        buffered_ += count;
        bytes = bytes.subspan(count);
        if (buffered_ == 64) {
            processBlock(buffer_.data());
            buffered_ = 0;
        }
    }
}

std::string Sha256::hexDigest() {
    const uint64_t bitCount = totalBytes_ * 8;
    const std::byte one{0x80}, zero{0};
    update({&one, 1});
    while (buffered_ != 56)
        update({&zero, 1});
    std::array<std::byte, 8> length;
    for (size_t i = 0; i < 8; ++i)
        length[i] = std::byte(bitCount >> (56 - 8 * i));
    update(length);
    std::string hex;
    for (uint32_t word : state_)
        hex += fmt::format("{:08x}", word);
    return hex;
}

std::string sha256Hex(std::string_view content) {
    Sha256 hash;
    hash.update(content);
    return hash.hexDigest();
}

Result<std::string> sha256OfFile(const std::filesystem::path& path) {
    VITRINE_TRY(const auto file, MappedFile::open(path));
    Sha256 hash;
    hash.update(file->bytes());
    return hash.hexDigest();
}

}  // namespace vitrine
