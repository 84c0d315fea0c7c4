// SHA-256 (FIPS 180-4) of content: names of artifacts, cache keys, model identity.
#pragma once

#include "core/base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace vitrine {

class Sha256 {
  public:
    Sha256();
    void update(std::span<const std::byte> bytes);
    void update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }
    // 64 lower-case hexadecimal digits. The object may not be used afterwards.
    std::string hexDigest();

  private:
    void processBlock(const std::byte* block);

    std::array<uint32_t, 8> state_;
    std::array<std::byte, 64> buffer_{};
    size_t buffered_ = 0;
    uint64_t totalBytes_ = 0;
};

std::string sha256Hex(std::string_view content);
// Hash of a file's content, read through a memory map.
Result<std::string> sha256OfFile(const std::filesystem::path& path);

}  // namespace vitrine
