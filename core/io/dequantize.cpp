#include "core/io/dequantize.h"

#include "core/base/check.h"
#include "core/io/fp8.h"
#include "core/io/gguf_blocks.h"
#include "core/io/half.h"
#include "core/io/unaligned.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

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

template <typename T>
void decodeBlocks(DType dtype, const std::byte* bytes, uint64_t first, std::span<T> out) {
    const GgufBlockDecoder decode = ggufBlockDecoder(dtype);
    VITRINE_CHECK(decode, "canDecode(dtype) holds");
    const auto inBlock = uint64_t(elementsPerBlock(dtype));
    const uint64_t blockBytes = *byteCount(dtype, inBlock);
    std::array<float, kMostBlockElements> values;
    for (size_t done = 0; done < out.size();) {
        const uint64_t block = (first + done) / inBlock, skipped = (first + done) % inBlock;
        const size_t taken = std::min(size_t(inBlock - skipped), out.size() - done);
        decode(bytes + block * blockBytes, values.data());
        for (size_t i = 0; i < taken; ++i)
            out[done + i] = T(values[skipped + i]);
        done += taken;
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
        default:
            return decodeBlocks(dtype, data, first, out);
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
