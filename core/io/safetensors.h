// The safetensors format: 8-byte little-endian header length, JSON header, then the tensors' bytes, which
// must tile the rest of the file exactly. Reading is a memory map; every claim of the header is checked
// before it is believed.
#pragma once

#include "core/io/tensor_source.h"

#include <functional>
#include <span>

namespace vitrine {

// One file. Errors (InvalidFile) name the tensor: header longer than the file or than 100 MB, not JSON,
// duplicate names, unknown dtype, shape times dtype unequal to the offsets, offsets that overlap, leave gaps
// or pass the end.
Result<std::shared_ptr<const TensorSource>> openSafetensors(const std::filesystem::path& file);

// Several shards as model.safetensors.index.json lists them.
Result<std::shared_ptr<const TensorSource>> openShardedSafetensors(const std::filesystem::path& indexFile);

struct TensorToWrite {
    std::string name;
    DType dtype = DType::F32;
    std::vector<int64_t> shape;
    std::span<const std::byte> bytes;  // must stay valid during the call
};

// Writes atomically, tensors in the given order, header padded so that data starts at a multiple of 8.
Result<void> writeSafetensors(const std::filesystem::path& file, std::span<const TensorToWrite> tensors,
                              const std::map<std::string, std::string>& metadata = {});

// The bytes of tensor `index`; asked for in order, once each, and read before the next are asked for.
using BytesInTurn = std::function<std::span<const std::byte>(size_t index)>;

// The same with bytes that are made one tensor at a time (`bytes` of the entries are not looked at): what has
// to be converted or fetched from another device never lies in memory as a whole.
Result<void> writeSafetensors(const std::filesystem::path& file, std::span<const TensorToWrite> tensors,
                              const BytesInTurn& bytes,
                              const std::map<std::string, std::string>& metadata = {});

}  // namespace vitrine
