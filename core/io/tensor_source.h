// Named tensors in files, without LibTorch: safetensors (one or many shards), PyTorch zip and legacy
// archives, GGUF and llama2.c. Opening reads headers only; a tensor's bytes are touched when it is read.
// Thread-safe for reading.
#pragma once

#include "core/base/result.h"
#include "core/io/dtype.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace vitrine {

struct TensorInfo {
    std::string name;
    DType dtype = DType::F32;
    std::vector<int64_t> shape;  // row-major, slowest dimension first
    uint64_t byteCount = 0;
    std::filesystem::path file;  // the shard that holds it

    uint64_t elementCount() const;
    std::string shapeText() const;  // "[64, 3, 16, 16]"
};

// One tensor's bytes, contiguous row-major, little-endian. `owner` keeps them alive (a memory map or a
// buffer).
struct TensorBytes {
    TensorInfo info;
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
};

class TensorSource {
  public:
    virtual ~TensorSource() = default;

    // All tensors, in natural order of their names ("blocks.2" before "blocks.10").
    virtual const std::vector<TensorInfo>& tensors() const = 0;
    // The file's free-text metadata ("__metadata__" of safetensors; flattened key/values of GGUF).
    virtual const std::map<std::string, std::string>& metadata() const = 0;
    // Bytes of one tensor. NotFound (with the nearest name as hint) if there is none of that name.
    virtual Result<TensorBytes> read(const std::string& name) const = 0;

    // Entry of `name`, or null.
    const TensorInfo* find(const std::string& name) const;
};

// Opens a tensor file by its content, or a folder: model.safetensors.index.json first, then
// model.safetensors, open_clip_model.safetensors, any single *.safetensors, then pytorch_model.bin / *.pth /
// *.pt, *.gguf, *.bin (llama2.c).
Result<std::shared_ptr<const TensorSource>> openTensors(const std::filesystem::path& fileOrFolder);

}  // namespace vitrine
