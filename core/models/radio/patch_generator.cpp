#include "core/models/radio/patch_generator.h"

#include "core/nn/functional.h"

#include <c10/core/InferenceMode.h>

#include <cmath>

namespace vitrine {
namespace {

constexpr size_t kMaxCachedGrids = 64;

class PrefixTokens : public torch::nn::Module {
  public:
    PrefixTokens(int64_t count, int64_t width) {
        token = register_parameter("token", at::empty({count, width}, at::kFloat));
    }
    at::Tensor token;
};

}  // namespace

PatchGenerator::PatchGenerator(const RadioConfig& config)
    : patchSize_(config.patchSize),
      channels_(config.channels),
      gridSide_(config.gridSide),
      cropped_(config.croppedPositions) {
    const int64_t patchWidth = channels_ * patchSize_ * patchSize_;
    embedder_ = register_module("embedder",
                                std::make_shared<nn::Linear>(patchWidth, config.width, config.embedderBias));
    if (config.videoFrames > 0)
        video_ = register_module("video_embedder", std::make_shared<nn::Linear>(
                                                       config.videoFrames * patchWidth, config.width, false));
    if (gridSide_ > 0)
        positions_ =
            register_parameter("pos_embed", at::empty({1, gridSide_ * gridSide_, config.width}, at::kFloat));
    if (config.prefixTokens() > 0)
        prefix_ =
            register_module("cls_token", std::make_shared<PrefixTokens>(config.prefixTokens(), config.width))
                ->token;
    if (config.patchNorm)
        norm_ = register_module("patch_normalizer", std::make_shared<nn::LayerNorm>(config.width, 1e-5));
}

at::Tensor PatchGenerator::patchify(const at::Tensor& pixels) const {
    const int64_t batch = pixels.size(0), channels = pixels.size(1);
    const int64_t rows = pixels.size(2) / patchSize_, columns = pixels.size(3) / patchSize_;
    return pixels.reshape({batch, channels, rows, patchSize_, columns, patchSize_})
        .permute({0, 2, 4, 1, 3, 5})
        .reshape({batch, rows * columns, channels * patchSize_ * patchSize_});
}

at::Tensor PatchGenerator::withPrefix(const at::Tensor& patches) const {
    at::Tensor tokens = patches;
    if (prefix_.defined())
        tokens = at::cat({prefix_.unsqueeze(0).expand({patches.size(0), -1, -1}), patches}, 1);
    return norm_ ? norm_->forward(tokens) : tokens;
}

at::Tensor PatchGenerator::forward(const at::Tensor& pixels) const {
    const at::Tensor patches = embedder_->forward(patchify(pixels));
    return withPrefix(patches + positions(pixels.size(2) / patchSize_, pixels.size(3) / patchSize_));
}

at::Tensor PatchGenerator::forwardTraining(const at::Tensor& pixels, const PositionDraws& draws,
                                           const at::Tensor& keep) const {
    const at::Tensor patches = embedder_->forward(patchify(pixels));
    at::Tensor positions = trainingPositions(pixels.size(2) / patchSize_, pixels.size(3) / patchSize_, draws);
    if (keep.defined())
        positions = positions * keep;
    return withPrefix(patches + positions);
}

at::Tensor PatchGenerator::forwardVideo(const at::Tensor& pixels) const {
    const at::Tensor patches = video_->forward(patchify(pixels));
    return withPrefix(patches + positions(pixels.size(2) / patchSize_, pixels.size(3) / patchSize_));
}

at::Tensor PatchGenerator::forwardPacked(const at::Tensor& patches,
                                         std::span<const std::pair<int64_t, int64_t>> grids) const {
    const at::Tensor embedded = embedder_->forward(patches);
    std::vector<at::Tensor> pieces;
    int64_t start = 0;
    for (const auto& [height, width] : grids) {
        if (prefix_.defined())
            pieces.push_back(prefix_);
        pieces.push_back(embedded.narrow(0, start, height * width) + positions(height, width)[0]);
        start += height * width;
    }
    const at::Tensor tokens = at::cat(pieces).unsqueeze(0);
    return norm_ ? norm_->forward(tokens) : tokens;
}

at::Tensor PatchGenerator::resizedPositions(int64_t gridHeight, int64_t gridWidth) const {
    if (gridHeight == gridSide_ && gridWidth == gridSide_)
        return positions_;
    at::Tensor map = nn::mapFromTokens(positions_, gridSide_, gridSide_).to(at::kFloat);
    if (cropped_) {
        const int64_t side = std::max(gridHeight, gridWidth);
        map = nn::resizeMap(map, side, side, "bilinear");
    }
    map = map.narrow(2, 0, std::min(gridHeight, map.size(2))).narrow(3, 0, std::min(gridWidth, map.size(3)));
    map = nn::resizeMap(map, gridHeight, gridWidth, "bilinear");
    return nn::tokensFromMap(map).contiguous().to(positions_.scalar_type());
}

at::Tensor PatchGenerator::positions(int64_t gridHeight, int64_t gridWidth) const {
    if (!positions_.defined())
        return at::zeros({1, 1, 1}, embedder_->weight.options());
    // With gradients the table must stay connected to the parameter.
    if (positions_.is_inference() || (at::GradMode::is_enabled() && positions_.requires_grad()))
        return resizedPositions(gridHeight, gridWidth);
    const CachedPositions current{positions_.const_data_ptr(), uint64_t(positions_._version()), {}};
    const std::lock_guard lock(cacheMutex_);
    CachedPositions& entry = cache_[{gridHeight, gridWidth}];
    if (!entry.table.defined() || entry.storage != current.storage || entry.version != current.version) {
        const c10::InferenceMode ordinary(false);
        const at::NoGradGuard noGrad;
        at::Tensor table = resizedPositions(gridHeight, gridWidth).detach();
        if (cache_.size() > kMaxCachedGrids)
            cache_.clear();
        cache_[{gridHeight, gridWidth}] = {current.storage, current.version, table};
        return table;
    }
    return entry.table;
}

at::Tensor PatchGenerator::trainingPositions(int64_t gridHeight, int64_t gridWidth,
                                             const PositionDraws& draws) const {
    const double smallest = std::sqrt(0.1), logAspect = std::log(4.0 / 3.0);
    const at::Tensor scale = draws.scale * (1 - smallest) + smallest;
    const at::Tensor aspect = at::exp(draws.aspect * (2 * logAspect) - logAspect);
    const at::Tensor extent = at::stack({scale * aspect, scale / aspect}, -1).clamp(0, 1);  // (B, 1, 1, 2)
    const auto options = positions_.options().dtype(at::kFloat);
    const at::Tensor x = at::linspace(0, 1, gridWidth, options).view({1, 1, gridWidth, 1});
    const at::Tensor y = at::linspace(0, 1, gridHeight, options).view({1, gridHeight, 1, 1});
    const at::Tensor unit =
        at::cat({x.expand({1, gridHeight, gridWidth, 1}), y.expand({1, gridHeight, gridWidth, 1})}, 3);
    const at::Tensor offset = draws.position * (1 - extent);
    const at::Tensor points = (unit * extent + offset) * 2 - 1;  // (B, h, w, 2)
    const at::Tensor map = nn::mapFromTokens(positions_, gridSide_, gridSide_)
                               .to(at::kFloat)
                               .expand({points.size(0), -1, -1, -1});
    const at::Tensor sampled = at::grid_sampler(map, points, 0, 0, true);
    return nn::tokensFromMap(sampled).to(positions_.scalar_type());
}

}  // namespace vitrine
