#include "core/nn/position_cache.h"

#include "core/nn/functional.h"

#include <ATen/core/grad_mode.h>

namespace vitrine::nn {

at::Tensor PositionCache::resized(const at::Tensor& table, GridSize grid) const {
    if (grid.height == stored_.height && grid.width == stored_.width)
        return table;
    const auto resize = [&] {
        return resizePositionTable(table.to(at::kFloat).unsqueeze(0), stored_.height, stored_.width,
                                   grid.height, grid.width, mode_, antialias_)
            .squeeze(0)
            .to(table.scalar_type());
    };
    // Inference tensors carry no version, so a change of their values could not be seen.
    if (table.is_inference() || (at::GradMode::is_enabled() && table.requires_grad()))
        return resize();
    constexpr size_t kKeptTables = 32;
    const Key key{table.const_data_ptr(), static_cast<uint32_t>(table._version()), int(table.scalar_type()),
                  grid.height, grid.width};
    const std::lock_guard lock(mutex_);
    const auto found = tables_.find(key);
    if (found != tables_.end())
        return found->second;
    if (tables_.size() >= kKeptTables)
        tables_.clear();
    return tables_.emplace(key, resize().contiguous()).first->second;
}

}  // namespace vitrine::nn
