// Element types of torch's storages, and tensors as strided views of them.
#pragma once

#include "core/io/tensor_source.h"

#include <optional>

namespace vitrine {

// "torch FloatStorage" or "torch bfloat16"; nothing for types that cannot be represented.
std::optional<DType> torchDType(std::string_view global);
// Bytes of one element of a storage class ("torch FloatStorage"); nothing for an unknown one.
std::optional<uint64_t> torchStorageElementBytes(const std::string& global);

// A tensor as a walk through its storage, in elements.
struct TorchView {
    DType dtype = DType::F32;
    uint64_t offset = 0;
    std::vector<int64_t> shape, strides;
};

// Elements of the storage from its start that the view of `count` elements reaches; nothing where a stride is
// negative or the sum overflows.
std::optional<uint64_t> torchViewReach(const TorchView& view, uint64_t count);
// Whether the elements lie in row-major order without holes.
bool isContiguous(const TorchView& view);
// Copies the elements in row-major order. The reach must lie inside `storage`.
std::shared_ptr<const std::vector<std::byte>> gatherTorchView(const TorchView& view,
                                                              std::span<const std::byte> storage);

}  // namespace vitrine
