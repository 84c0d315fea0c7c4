// A cursor over untrusted bytes: every step is checked against the end. Little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace vitrine {

class ByteReader {
  public:
    explicit ByteReader(std::span<const std::byte> bytes, size_t at = 0) : bytes_(bytes), at_(at) {}

    size_t position() const { return at_; }
    size_t remaining() const { return bytes_.size() - at_; }

    // The next `count` bytes, or nothing (and no step) if there are fewer.
    std::optional<std::span<const std::byte>> take(uint64_t count) {
        if (count > remaining())
            return std::nullopt;
        const auto taken = bytes_.subspan(at_, size_t(count));
        at_ += size_t(count);
        return taken;
    }
    std::optional<std::string_view> text(uint64_t count) {
        const auto taken = take(count);
        if (!taken)
            return std::nullopt;
        return std::string_view(reinterpret_cast<const char*>(taken->data()), taken->size());
    }
    template <typename T>
    std::optional<T> number() {
        const auto taken = take(sizeof(T));
        if (!taken)
            return std::nullopt;
        T value;
        std::memcpy(&value, taken->data(), sizeof(T));
        return value;
    }
    // The text up to the next newline, which is stepped over.
    std::optional<std::string_view> line() {
        const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, remaining());
        const size_t end = rest.find('\n');
        if (end == std::string_view::npos)
            return std::nullopt;
        at_ += end + 1;
        return rest.substr(0, end);
    }

  private:
    std::span<const std::byte> bytes_;
    size_t at_;
};

}  // namespace vitrine
