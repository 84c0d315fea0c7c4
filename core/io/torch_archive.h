// What torch.save writes: zip archives (since 1.6) and the older sequence of pickles. Only tensors are read,
// nothing of the pickle is ever executed.
#pragma once

#include "core/io/tensor_source.h"

namespace vitrine {

// Tensors under their keys joined by '.' ("model.blocks.0.weight" inside {"model": {...}}); items of lists by
// their number. Numbers and short texts of the pickle become metadata(). What cannot be represented
// (quantised, sparse, complex128) is left out and listed in metadata()["skipped_tensors"] with the reason.
// Errors: InvalidFile names a callable that is not part of tensors, or the tensor whose place is outside its
// storage.
Result<std::shared_ptr<const TensorSource>> openTorchZip(const std::filesystem::path& file);
Result<std::shared_ptr<const TensorSource>> openTorchLegacy(const std::filesystem::path& file);

// pytorch_model.bin.index.json.
Result<std::shared_ptr<const TensorSource>> openShardedTorch(const std::filesystem::path& indexFile);

// Whether the content starts as a zip archive or as a legacy file.
bool looksLikeTorchZip(std::span<const std::byte> bytes);
bool looksLikeTorchLegacy(std::span<const std::byte> bytes);

}  // namespace vitrine
