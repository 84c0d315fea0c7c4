#include "core/io/dequantize.h"

#include "core/base/check.h"
#include "core/io/fp8.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace vitrine {
namespace {

template <typename S>
S load(const std::byte* at) {
    S value;
    std::memcpy(&value, at, sizeof(S));
    return value;
}

float halfToFloat(uint16_t half) {
    const uint32_t sign = uint32_t(half & 0x8000) << 16;
    const uint32_t magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00)  // infinity, NaN
        return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ff) << 13);
    if (magnitude < 0x0400)  // subnormal: a whole number of 2^-24
        return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(float(magnitude) * 0x1p-24f));
    return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
}

float bfloatToFloat(uint16_t bits) {
    return std::bit_cast<float>(uint32_t(bits) << 16);
}

// S: the stored type; `convert` makes a number of it.
template <typename S, typename T, typename Convert>
void decodePlain(const std::byte* bytes, uint64_t first, std::span<T> out, Convert convert) {
    const std::byte* at = bytes + first * sizeof(S);
    for (size_t i = 0; i < out.size(); ++i, at += sizeof(S))
        out[i] = T(convert(load<S>(at)));
}

template <typename S, typename T>
void decodeNumbers(const std::byte* bytes, uint64_t first, std::span<T> out) {
    decodePlain<S>(bytes, first, out, [](S value) { return value; });
}

// GGUF: 32 values share an F16 scale; Q8_0 holds int8, Q4_0 nibbles less 8 (low nibbles are the first 16).
constexpr uint64_t kBlock = 32;

template <typename T>
void decodeQ8(const std::byte* bytes, uint64_t first, std::span<T> out) {
    for (size_t i = 0; i < out.size(); ++i) {
        const uint64_t element = first + i;
        const std::byte* block = bytes + element / kBlock * 34;
        out[i] = T(halfToFloat(load<uint16_t>(block)) * float(load<int8_t>(block + 2 + element % kBlock)));
    }
}

template <typename T>
void decodeQ4(const std::byte* bytes, uint64_t first, std::span<T> out) {
    for (size_t i = 0; i < out.size(); ++i) {
        const uint64_t element = first + i, inside = element % kBlock;
        const std::byte* block = bytes + element / kBlock * 18;
        const int pair = load<uint8_t>(block + 2 + inside % 16);
        const int nibble = inside < 16 ? pair & 15 : pair >> 4;
        out[i] = T(halfToFloat(load<uint16_t>(block)) * float(nibble - 8));
    }
}

}  // namespace

bool canDecode(DType dtype) {
    switch (dtype) {
        case DType::C64:
        case DType::F4:
        case DType::F6E2M3:
        case DType::F6E3M2:
        case DType::I4:
            return false;
        default:
            return true;
    }
}

template <typename T>
void decodeElements(DType dtype, std::span<const std::byte> bytes, uint64_t first, std::span<T> out) {
    const std::byte* data = bytes.data();
    switch (dtype) {
        case DType::Bool:
            return decodePlain<uint8_t>(data, first, out, [](uint8_t value) { return value != 0; });
        case DType::U8:
            return decodeNumbers<uint8_t>(data, first, out);
        case DType::I8:
            return decodeNumbers<int8_t>(data, first, out);
        case DType::F8E4M3:
            return decodePlain<uint8_t>(data, first, out,
                                        [](uint8_t c) { return fp8Decode(Fp8Format::E4M3, c); });
        case DType::F8E5M2:
            return decodePlain<uint8_t>(data, first, out,
                                        [](uint8_t c) { return fp8Decode(Fp8Format::E5M2, c); });
        case DType::F8E8M0:
            return decodePlain<uint8_t>(data, first, out, [](uint8_t c) {
                return c == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.f, int(c) - 127);
            });
        case DType::I16:
            return decodeNumbers<int16_t>(data, first, out);
        case DType::U16:
            return decodeNumbers<uint16_t>(data, first, out);
        case DType::F16:
            return decodePlain<uint16_t>(data, first, out, halfToFloat);
        case DType::BF16:
            return decodePlain<uint16_t>(data, first, out, bfloatToFloat);
        case DType::I32:
            return decodeNumbers<int32_t>(data, first, out);
        case DType::U32:
            return decodeNumbers<uint32_t>(data, first, out);
        case DType::F32:
            return decodeNumbers<float>(data, first, out);
        case DType::I64:
            return decodeNumbers<int64_t>(data, first, out);
        case DType::U64:
            return decodeNumbers<uint64_t>(data, first, out);
        case DType::F64:
            return decodeNumbers<double>(data, first, out);
        case DType::Q8_0:
            return decodeQ8(data, first, out);
        case DType::Q4_0:
            return decodeQ4(data, first, out);
        default:
            VITRINE_CHECK(false, "canDecode(dtype) holds");
    }
}

template void decodeElements(DType, std::span<const std::byte>, uint64_t, std::span<float>);
template void decodeElements(DType, std::span<const std::byte>, uint64_t, std::span<double>);

Result<void> checkDecodable(const TensorBytes& tensor) {
    if (!canDecode(tensor.info.dtype))
        return fail(
            ErrorCode::Unsupported,
            fmt::format("elements of type {} cannot be read as numbers", dtypeName(tensor.info.dtype)),
            tensor.info.name, "The bytes can still be copied as they are");
    const auto bytes = byteCount(tensor.info.dtype, tensor.info.elementCount());
    if (!bytes || *bytes != tensor.bytes.size())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} of {} takes other than {} bytes", tensor.info.shapeText(),
                                dtypeName(tensor.info.dtype), tensor.bytes.size()),
                    tensor.info.name);
    return {};
}

Result<std::vector<float>> dequantize(const TensorBytes& tensor) {
    VITRINE_TRY_VOID(checkDecodable(tensor));
    std::vector<float> values(tensor.info.elementCount());
    decodeElements(tensor.info.dtype, tensor.bytes, 0, std::span(values));
    return values;
}

}  // namespace vitrine
