// Learned position tables resized to the grid of the input. Views ask for the same few sizes over and over,
// so the resized tables are kept. Thread-safe.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <mutex>
#include <string>
#include <tuple>

namespace vitrine::nn {

struct GridSize {
    int64_t height = 0, width = 0;
};

class PositionCache {
  public:
    // mode: "bicubic" or "bilinear", as nn::resizePositionTable.
    PositionCache(GridSize stored, std::string mode, bool antialias)
        : stored_(stored), mode_(std::move(mode)), antialias_(antialias) {}

    // table (stored.height·stored.width, C) -> (grid.height·grid.width, C) of the table's type; resized in
    // float32. Nothing is kept while gradients flow into the table.
    at::Tensor resized(const at::Tensor& table, GridSize grid) const;
    GridSize stored() const { return stored_; }

  private:
    using Key = std::tuple<const void*, uint32_t, int, int64_t, int64_t>;
    GridSize stored_;
    std::string mode_;
    bool antialias_;
    mutable std::mutex mutex_;
    mutable std::map<Key, at::Tensor> tables_;
};

}  // namespace vitrine::nn
