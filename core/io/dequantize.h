// Stored elements as ordinary floating numbers.
#pragma once

#include "core/io/tensor_source.h"

namespace vitrine {

// Whether elements of `dtype` can be decoded: all but C64 (two numbers each) and F4, F6 and I4 (whose packing
// the file format leaves open).
bool canDecode(DType dtype);

// Unsupported (naming the tensor) where canDecode says no, InvalidArgument where shape and bytes disagree.
Result<void> checkDecodable(const TensorBytes& tensor);

// Elements [first, first + out.size()) of a tensor of `dtype` with the contiguous `bytes`. T: float or
// double. The range must lie inside `bytes` and canDecode(dtype) hold.
template <typename T>
void decodeElements(DType dtype, std::span<const std::byte> bytes, uint64_t first, std::span<T> out);

// The whole tensor as float32; errors of checkDecodable.
Result<std::vector<float>> dequantize(const TensorBytes& tensor);

}  // namespace vitrine
