#include "core/io/torch_view.h"

#include "core/io/table_source.h"

#include <algorithm>

namespace vitrine {
namespace {

uint64_t elementBytes(DType dtype) {
    return *byteCount(dtype, 1);
}

}  // namespace

std::optional<DType> torchDType(std::string_view global) {
    static const std::map<std::string_view, DType> kTypes = {
        {"FloatStorage", DType::F32},
        {"DoubleStorage", DType::F64},
        {"HalfStorage", DType::F16},
        {"BFloat16Storage", DType::BF16},
        {"LongStorage", DType::I64},
        {"IntStorage", DType::I32},
        {"ShortStorage", DType::I16},
        {"CharStorage", DType::I8},
        {"ByteStorage", DType::U8},
        {"BoolStorage", DType::Bool},
        {"ComplexFloatStorage", DType::C64},
        {"UntypedStorage", DType::U8},
        {"float32", DType::F32},
        {"float", DType::F32},
        {"float64", DType::F64},
        {"double", DType::F64},
        {"float16", DType::F16},
        {"half", DType::F16},
        {"bfloat16", DType::BF16},
        {"float8_e4m3fn", DType::F8E4M3},
        {"float8_e5m2", DType::F8E5M2},
        {"int64", DType::I64},
        {"long", DType::I64},
        {"int32", DType::I32},
        {"int", DType::I32},
        {"int16", DType::I16},
        {"short", DType::I16},
        {"int8", DType::I8},
        {"uint8", DType::U8},
        {"uint16", DType::U16},
        {"uint32", DType::U32},
        {"uint64", DType::U64},
        {"bool", DType::Bool},
        {"complex64", DType::C64},
    };
    const auto it = kTypes.find(global.substr(global.find(' ') + 1));
    return it == kTypes.end() ? std::nullopt : std::optional(it->second);
}

std::optional<uint64_t> torchStorageElementBytes(const std::string& global) {
    if (const auto dtype = torchDType(global))
        return elementBytes(*dtype);
    // Classes whose tensors cannot be represented still take room in a legacy file.
    if (global.ends_with("ComplexDoubleStorage"))
        return 16;
    if (global.ends_with("QInt32Storage"))
        return 4;
    return global.ends_with("QInt8Storage") || global.ends_with("QUInt8Storage") ? std::optional<uint64_t>(1)
                                                                                 : std::nullopt;
}

std::optional<uint64_t> torchViewReach(const TorchView& view, uint64_t count) {
    if (count == 0)
        return view.offset;
    uint64_t last = view.offset;
    for (size_t i = 0; i < view.shape.size(); ++i) {
        uint64_t step = 0;
        if (view.strides[i] < 0 ||
            __builtin_mul_overflow(uint64_t(view.shape[i] - 1), uint64_t(view.strides[i]), &step) ||
            __builtin_add_overflow(last, step, &last))
            return std::nullopt;
    }
    return last == UINT64_MAX ? std::nullopt : std::optional(last + 1);
}

bool isContiguous(const TorchView& view) {
    uint64_t expected = 1;
    for (size_t i = view.shape.size(); i-- > 0;) {
        if (view.shape[i] != 1 && uint64_t(view.strides[i]) != expected)
            return false;
        expected *= uint64_t(view.shape[i]);
    }
    return true;
}

std::shared_ptr<const std::vector<std::byte>> gatherTorchView(const TorchView& view,
                                                              std::span<const std::byte> storage) {
    const uint64_t size = elementBytes(view.dtype);
    auto out = std::make_shared<std::vector<std::byte>>(*checkedElementCount(view.shape) * size);
    std::vector<int64_t> index(view.shape.size(), 0);
    uint64_t at = view.offset;
    for (uint64_t done = 0; done < out->size(); done += size) {
        std::copy_n(storage.data() + at * size, size, out->data() + done);
        for (size_t i = view.shape.size(); i-- > 0;) {
            at += uint64_t(view.strides[i]);
            if (++index[i] < view.shape[i])
                break;
            at -= uint64_t(view.strides[i]) * uint64_t(view.shape[i]);
            index[i] = 0;
        }
    }
    return out;
}

}  // namespace vitrine
