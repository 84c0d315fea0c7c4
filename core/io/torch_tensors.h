// From an interpreted pickle of torch.save to table entries.
#pragma once

#include "core/io/pickle.h"
#include "core/io/table_source.h"

namespace vitrine {

// The bytes of one storage: in a memory map, or to be made when a tensor is read.
struct TorchStorage {
    uint64_t byteCount = 0;
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
    std::function<Result<std::shared_ptr<const std::vector<std::byte>>>()> load;  // set where compressed
};

// Storage by its key; `leastBytes` is what the pickle says it holds.
using StorageLookup = std::function<Result<TorchStorage>(const std::string& key, uint64_t leastBytes)>;

struct TorchTensors {
    std::vector<TableEntry> entries;
    std::map<std::string, std::string> metadata;
};

Result<TorchTensors> collectTorchTensors(const PickleValue& root, const StorageLookup& storages,
                                         const std::filesystem::path& file);

}  // namespace vitrine
