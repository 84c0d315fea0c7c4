// Numbers and texts of a file's first bytes, however short or wrong they are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace vitrine {

// Bounds-checked numbers of a byte string: past the end reads as 0 and makes failed() true.
class HeaderBytes {
  public:
    HeaderBytes(std::span<const std::byte> bytes, bool bigEndian) : bytes_(bytes), bigEndian_(bigEndian) {}
    uint32_t number(uint64_t offset, int width) {
        if (offset > bytes_.size() || bytes_.size() - offset < uint64_t(width)) {
            failed_ = true;
            return 0;
        }
        uint32_t value = 0;
        for (int i = 0; i < width; ++i)
            value = value << 8 | uint32_t(bytes_[offset + uint64_t(bigEndian_ ? i : width - 1 - i)]);
        return value;
    }
    bool text(uint64_t offset, std::string_view expected) const {
        return offset <= bytes_.size() && bytes_.size() - offset >= expected.size() &&
               std::memcmp(bytes_.data() + offset, expected.data(), expected.size()) == 0;
    }
    bool failed() const { return failed_; }
    uint64_t size() const { return bytes_.size(); }
    std::span<const std::byte> from(uint64_t offset) const {
        return bytes_.subspan(std::min(offset, size()));
    }

  private:
    std::span<const std::byte> bytes_;
    bool bigEndian_;
    bool failed_ = false;
};

}  // namespace vitrine
