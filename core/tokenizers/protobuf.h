// Reads the fields of a protobuf message one by one (wire format: protobuf.dev/programming-guides/encoding).
// Nothing is read outside the bytes given.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace vitrine {

struct ProtobufField {
    uint32_t number = 0;
    uint64_t value = 0;      // varint and fixed-width fields
    std::string_view bytes;  // length-delimited fields
    bool delimited = false;

    float asFloat() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }
};

class ProtobufReader {
  public:
    explicit ProtobufReader(std::string_view bytes) : rest_(bytes) {}

    // Next field; false at the end or, with failed(), where the bytes are not a message.
    bool next(ProtobufField& field) {
        uint64_t tag = 0;
        if (rest_.empty() || !varint(tag))
            return false;
        field = {};
        field.number = static_cast<uint32_t>(tag >> 3);
        switch (tag & 7) {
            case 0:
                return varint(field.value);
            case 1:
                return fixed(field.value, 8);
            case 2: {
                uint64_t length = 0;
                if (!varint(length) || length > rest_.size())
                    return !(failed_ = true);
                field.bytes = rest_.substr(0, static_cast<size_t>(length));
                field.delimited = true;
                rest_.remove_prefix(static_cast<size_t>(length));
                return true;
            }
            case 5:
                return fixed(field.value, 4);
            default:
                return !(failed_ = true);
        }
    }
    bool failed() const { return failed_; }

  private:
    bool varint(uint64_t& value) {
        value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (rest_.empty())
                break;
            const unsigned char byte = static_cast<unsigned char>(rest_[0]);
            rest_.remove_prefix(1);
            value |= uint64_t(byte & 0x7F) << shift;
            if (byte < 0x80)
                return true;
        }
        return !(failed_ = true);
    }
    bool fixed(uint64_t& value, size_t width) {
        if (rest_.size() < width)
            return !(failed_ = true);
        std::memcpy(&value, rest_.data(), width);  // little-endian, as every supported machine
        rest_.remove_prefix(width);
        return true;
    }

    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace vitrine
