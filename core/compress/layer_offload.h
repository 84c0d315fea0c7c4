// Compressed layers as they are made: those that take more memory than is allowed go to a scratch file, which
// is then mapped in their place. So keeping all packed layers until the end takes no memory that the
// system could not take back.
#pragma once

#include "core/compress/compressed_weights.h"

namespace vitrine {

class LayerOffload {
  public:
    // `folder` exists and is used by nobody else. A scratch file loses its name as soon as it is mapped, so
    // none is left behind; one that a killed process was writing is replaced by the next.
    explicit LayerOffload(std::filesystem::path folder, int64_t largestBytes = int64_t(64) << 20)
        : folder_(std::move(folder)), largestBytes_(largestBytes) {}

    // IoFailure where the scratch file cannot be written (a full disk).
    Result<void> add(const std::string& name, CompressedLinear layer);
    // All layers; the mapped ones are read when they are used.
    CompressedWeights take();

    int64_t bytesInMemory() const { return bytesInMemory_; }
    int64_t bytesOffloaded() const { return bytesOffloaded_; }

  private:
    Result<void> offload();

    std::filesystem::path folder_;
    int64_t largestBytes_;
    int64_t bytesInMemory_ = 0, bytesOffloaded_ = 0;
    CompressedWeights inMemory_, offloaded_;
};

}  // namespace vitrine
