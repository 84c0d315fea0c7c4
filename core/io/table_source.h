// A TensorSource made of entries that a format's reader has found and checked; shared by all readers.
#pragma once

#include "core/io/tensor_source.h"

#include <functional>
#include <optional>

namespace vitrine {

struct TableEntry {
    TensorInfo info;
    // Where the tensor's contiguous bytes lie; `owner` keeps them alive.
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
    // Set instead of `bytes` where the bytes must be made: decompressed, gathered by strides, read from a
    // shard.
    std::function<Result<TensorBytes>()> load;
};

// Sorts the entries; InvalidFile names a tensor that occurs twice. `where` is put into errors.
Result<std::shared_ptr<const TensorSource>> makeTableSource(std::vector<TableEntry> entries,
                                                            std::map<std::string, std::string> metadata,
                                                            const std::string& where);

// Product of the dimensions; nothing for a negative one or where it overflows 63 bits.
std::optional<uint64_t> checkedElementCount(std::span<const int64_t> shape);

// A reading of shards: `openShard` opens one file of the index's folder. Sees to it that a shard lies inside
// that folder and holds what the index says.
using ShardOpener = std::function<Result<std::shared_ptr<const TensorSource>>(const std::filesystem::path&)>;
Result<std::shared_ptr<const TensorSource>> openShards(const std::filesystem::path& indexFile,
                                                       const ShardOpener& openShard);

}  // namespace vitrine
