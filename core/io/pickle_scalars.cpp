#include "core/io/pickle_machine.h"

#include <bit>
#include <charconv>

namespace vitrine {

using Kind = PickleValue::Kind;

bool PickleMachine::decimalLine(bool isLong) {
    auto line = reader_.line();
    if (!line)
        return false;
    if (!isLong && (*line == "00" || *line == "01"))
        return pushInteger(*line == "01", Kind::Bool);
    if (isLong && line->ends_with('L'))
        line->remove_suffix(1);
    int64_t value = 0;
    const auto end = std::from_chars(line->data(), line->data() + line->size(), value);
    return end.ec == std::errc() && end.ptr == line->data() + line->size() && pushInteger(value);
}

// Little-endian two's complement; what exceeds 64 bits is kept as its bytes.
bool PickleMachine::longBytes(std::optional<std::string_view> bytes) {
    if (!bytes)
        return false;
    if (bytes->size() > 8)
        return pushText(bytes, Kind::Bytes);
    uint64_t value = !bytes->empty() && (bytes->back() & 0x80) ? ~uint64_t(0) : 0;
    std::memcpy(&value, bytes->data(), bytes->size());
    return pushInteger(int64_t(value));
}

bool PickleMachine::stepScalar(uint8_t op) {
    switch (op) {
        case 'N':
            return push(Kind::None);
        case 0x88:
            return pushInteger(1, Kind::Bool);
        case 0x89:
            return pushInteger(0, Kind::Bool);
        case 'J':
            return pushInteger(reader_.number<int32_t>());
        case 'K':
            return pushInteger(reader_.number<uint8_t>());
        case 'M':
            return pushInteger(reader_.number<uint16_t>());
        case 'I':
            return decimalLine(false);
        case 'L':
            return decimalLine(true);
        case 0x8a: {
            const auto size = reader_.number<uint8_t>();
            return size && longBytes(reader_.text(*size));
        }
        case 0x8b: {
            const auto size = reader_.number<int32_t>();
            return size && *size >= 0 && longBytes(reader_.text(uint64_t(*size)));
        }
        case 'G': {  // big-endian
            const auto bits = reader_.number<uint64_t>();
            return bits && pushFloat(std::bit_cast<double>(__builtin_bswap64(*bits)));
        }
        case 'F': {
            const auto line = reader_.line();
            double value = 0;
            return line &&
                   std::from_chars(line->data(), line->data() + line->size(), value).ec == std::errc() &&
                   pushFloat(value);
        }
        case 'V':
            return pushText(reader_.line());
        case 'S': {
            const auto line = reader_.line();
            return line && line->size() >= 2 && pushText(line->substr(1, line->size() - 2));
        }
        case 'X':
        case 'T':
            return pushSized<uint32_t>(Kind::Text);
        case 0x8c:
        case 'U':
            return pushSized<uint8_t>(Kind::Text);
        case 0x8d:
            return pushSized<uint64_t>(Kind::Text);
        case 'B':
            return pushSized<uint32_t>(Kind::Bytes);
        case 'C':
            return pushSized<uint8_t>(Kind::Bytes);
        case 0x8e:
        case 0x96:
            return pushSized<uint64_t>(Kind::Bytes);
        default:
            return false;
    }
}

}  // namespace vitrine
