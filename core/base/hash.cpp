#include "core/base/hash.h"

#include "core/base/file.h"
#include "core/base/sha256_rounds.h"

#include <cstring>

namespace vitrine {
namespace {

constexpr std::array<uint32_t, 8> kInitialState = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

}  // namespace

Sha256::Sha256() : state_(kInitialState) {}

void Sha256::processBlock(const std::byte* block) {
    static const Sha256Rounds rounds =
        sha256InstructionRounds() ? sha256InstructionRounds() : sha256PlainRounds;
    rounds(state_, block);
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
