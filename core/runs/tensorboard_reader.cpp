// TensorBoard's event files, read without protobuf: the few fields needed of Event, Summary and TensorProto
// (their field numbers are fixed by event.proto, summary.proto and tensor.proto).
#include "core/base/file.h"
#include "core/runs/run_import.h"

#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <optional>

namespace vitrine {
namespace {

constexpr std::array<uint32_t, 256> crcTable() {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1) ^ (value & 1 ? 0x82f63b78u : 0u);
        table[i] = value;
    }
    return table;
}

// TFRecord stores the checksum rotated and offset, so that a checksum of data with checksums stays good.
uint32_t maskedCrc(std::string_view bytes) {
    return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

template <typename T>
T readAs(std::string_view bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

struct Field {
    uint32_t number = 0;
    int wireType = 0;
    uint64_t integer = 0;    // wire types 0, 1 and 5
    std::string_view bytes;  // wire type 2
};

std::optional<uint64_t> takeVarint(std::string_view& in) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(in.front());
        in.remove_prefix(1);
        value |= uint64_t(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    return {};
}

// Next field of a message; nothing at its end or where it is damaged (`in` is not empty then).
std::optional<Field> takeField(std::string_view& in) {
    std::string_view rest = in;
    const auto key = takeVarint(rest);
    if (!key)
        return {};
    Field field{uint32_t(*key >> 3), int(*key & 7), 0, {}};
    uint64_t length = 0;
    if (field.wireType == 0) {
        const auto value = takeVarint(rest);
        if (!value)
            return {};
        field.integer = *value;
    } else if (field.wireType == 1 || field.wireType == 5) {
        length = field.wireType == 1 ? 8 : 4;
        if (rest.size() < length)
            return {};
        field.integer = length == 8 ? readAs<uint64_t>(rest) : readAs<uint32_t>(rest);
    } else if (field.wireType == 2) {
        const auto size = takeVarint(rest);
        if (!size || *size > rest.size())
            return {};
        length = *size;
        field.bytes = rest.substr(0, length);
    } else {
        return {};
    }
    rest.remove_prefix(length);
    in = rest;
    return field;
}

// Calls `use` for every field; false if the message is damaged.
bool forFields(std::string_view message, const std::function<void(const Field&)>& use) {
    while (!message.empty()) {
        const auto field = takeField(message);
        if (!field)
            return false;
        use(*field);
    }
    return true;
}

struct Tensor {
    int dtype = 0;  // 1 float, 2 double, 3 int32, 9 int64, 7 string
    std::string_view content;
    std::optional<double> number;
    std::vector<std::string_view> strings;
};

std::optional<double> scalarOf(const Tensor& tensor) {
    if (tensor.number)
        return tensor.number;
    if (tensor.dtype == 1 && tensor.content.size() == 4)
        return readAs<float>(tensor.content);
    if (tensor.dtype == 2 && tensor.content.size() == 8)
        return readAs<double>(tensor.content);
    if (tensor.dtype == 3 && tensor.content.size() == 4)
        return readAs<int32_t>(tensor.content);
    if (tensor.dtype == 9 && tensor.content.size() == 8)
        return double(readAs<int64_t>(tensor.content));
    return {};
}

bool parseTensor(std::string_view message, Tensor& tensor) {
    return forFields(message, [&](const Field& field) {
        // Repeated numbers come packed (bytes) or one by one.
        const std::string_view packed = field.wireType == 2 ? field.bytes : std::string_view();
        if (field.number == 1 && field.wireType == 0)
            tensor.dtype = int(field.integer);
        else if (field.number == 4 && field.wireType == 2)
            tensor.content = field.bytes;
        else if (field.number == 5 && (field.wireType == 5 || packed.size() == 4))
            tensor.number =
                packed.empty() ? std::bit_cast<float>(uint32_t(field.integer)) : readAs<float>(packed);
        else if (field.number == 6 && (field.wireType == 1 || packed.size() == 8))
            tensor.number = packed.empty() ? std::bit_cast<double>(field.integer) : readAs<double>(packed);
        else if ((field.number == 7 || field.number == 10) && field.wireType == 0)
            tensor.number = double(int64_t(field.integer));
        else if ((field.number == 7 || field.number == 10) && !packed.empty()) {
            std::string_view in = packed;
            if (const auto value = takeVarint(in); value && in.empty())
                tensor.number = double(int64_t(*value));
        } else if (field.number == 8 && field.wireType == 2)
            tensor.strings.push_back(field.bytes);
    });
}

bool looksLikePicture(std::string_view bytes) {
    return bytes.starts_with("\x89PNG") || bytes.starts_with("\xff\xd8\xff") || bytes.starts_with("GIF8");
}

// One Summary.Value into zero or more values of `file`.
bool parseValue(std::string_view message, int64_t step, double time, TensorboardFile& file) {
    TensorboardValue value{{}, step, time, 0, {}};
    bool isScalar = false;
    Tensor tensor;
    bool whole = true;
    whole = forFields(message,
                      [&](const Field& field) {
                          if (field.number == 1 && field.wireType == 2)
                              value.tag = field.bytes;
                          if (field.number == 2 && field.wireType == 5) {
                              value.scalar = std::bit_cast<float>(uint32_t(field.integer));
                              isScalar = true;
                          }
                          if (field.number == 4 && field.wireType == 2)
                              whole = forFields(field.bytes,
                                                [&](const Field& inner) {
                                                    if (inner.number == 4 && inner.wireType == 2)
                                                        value.image = inner.bytes;
                                                }) &&
                                      whole;
                          if (field.number == 8 && field.wireType == 2)
                              whole = parseTensor(field.bytes, tensor) && whole;
                      }) &&
            whole;
    if (const auto number = scalarOf(tensor); number && !isScalar) {
        value.scalar = *number;
        isScalar = true;
    }
    if (isScalar || !value.image.empty()) {
        file.values.push_back(std::move(value));
        return whole;
    }
    // Version 2 pictures: strings of width, height, then one encoded picture each.
    size_t index = 0;
    for (const std::string_view text : tensor.strings)
        if (looksLikePicture(text)) {
            TensorboardValue picture = value;
            picture.image = text;
            if (index++ > 0)
                picture.tag += fmt::format("/{}", index - 1);
            file.values.push_back(std::move(picture));
        }
    file.skippedValues += index == 0;
    return whole;
}

bool parseEvent(std::string_view message, TensorboardFile& file) {
    double time = 0;
    int64_t step = 0;
    std::vector<std::string_view> values;
    bool whole = true;
    whole = forFields(message,
                      [&](const Field& field) {
                          if (field.number == 1 && field.wireType == 1)
                              time = std::bit_cast<double>(field.integer);
                          if (field.number == 2 && field.wireType == 0)
                              step = int64_t(field.integer);
                          if (field.number == 5 && field.wireType == 2)
                              whole = forFields(field.bytes,
                                                [&](const Field& inner) {
                                                    if (inner.number == 1 && inner.wireType == 2)
                                                        values.push_back(inner.bytes);
                                                }) &&
                                      whole;
                      }) &&
            whole;
    for (const std::string_view value : values)
        whole = parseValue(value, step, time, file) && whole;
    return whole;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
    static constexpr auto kTable = crcTable();
    uint32_t value = ~0u;
    for (const char c : bytes)
        value = kTable[(value ^ static_cast<unsigned char>(c)) & 0xff] ^ (value >> 8);
    return ~value;
}

Result<TensorboardFile> parseTensorboard(std::string_view bytes, const std::string& where) {
    const size_t total = bytes.size();
    const auto damaged = [&](const char* what) {
        return fail(ErrorCode::InvalidFile, fmt::format("{} (at byte {})", what, total - bytes.size()), where,
                    "The file is damaged, or is no TensorBoard event file");
    };
    TensorboardFile file;
    while (!bytes.empty()) {
        if (bytes.size() < 12) {
            file.truncated = true;
            break;
        }
        if (readAs<uint32_t>(bytes.substr(8)) != maskedCrc(bytes.substr(0, 8)))
            return damaged("the checksum of a record's length is wrong");
        const auto length = readAs<uint64_t>(bytes);
        if (bytes.size() - 12 < 4 || length > bytes.size() - 16) {
            file.truncated = true;
            break;
        }
        const std::string_view data = bytes.substr(12, length);
        if (readAs<uint32_t>(bytes.substr(12 + length)) != maskedCrc(data))
            return damaged("the checksum of a record is wrong");
        if (!parseEvent(data, file))
            return damaged("a record is not an event");
        bytes.remove_prefix(16 + length);
    }
    return file;
}

Result<TensorboardFile> readTensorboardFile(const std::filesystem::path& path) {
    VITRINE_TRY(const auto mapped, MappedFile::open(path));
    const auto bytes = mapped->bytes();
    return parseTensorboard({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

}  // namespace vitrine
