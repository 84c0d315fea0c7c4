// Pictures to tokens: flattened patches through one Linear, cropped position embedding (CPE), class and
// register tokens in front. Parameter names: embedder.*, pos_embed, cls_token.token (AM-RADIO, section 3.3).
#pragma once

#include "core/models/radio/radio_config.h"
#include "core/nn/layers.h"

#include <map>
#include <mutex>

namespace vitrine {

// The three uniform draws per picture that place a training crop.
struct PositionDraws {
    at::Tensor scale;     // (B, 1, 1) in [0, 1)
    at::Tensor aspect;    // (B, 1, 1) in [0, 1)
    at::Tensor position;  // (B, 1, 1, 2) in [0, 1): x, then y
};

class PatchGenerator : public torch::nn::Module {
  public:
    explicit PatchGenerator(const RadioConfig& config);

    // pixels (B, C, H, W), sizes multiples of the patch -> (B, h·w, C·P·P), each row in order channel, y, x.
    at::Tensor patchify(const at::Tensor& pixels) const;
    // pixels -> (B, prefix + h·w, D).
    at::Tensor forward(const at::Tensor& pixels) const;
    // The same with training positions. `keep` (B, 1, 1): 0 drops a picture's whole position term; undefined
    // keeps all.
    at::Tensor forwardTraining(const at::Tensor& pixels, const PositionDraws& draws,
                               const at::Tensor& keep = {}) const;
    // pixels (B, frames·C, H, W): frames of a clip in one patch. Only where the model has a video embedder.
    at::Tensor forwardVideo(const at::Tensor& pixels) const;
    // patches (ΣN, C·P·P), grids of height and width -> (1, Σ(prefix + N), D).
    at::Tensor forwardPacked(const at::Tensor& patches,
                             std::span<const std::pair<int64_t, int64_t>> grids) const;

    // Positions at inference, (1, h·w, D); kept per grid while the parameter does not change. Thread-safe.
    at::Tensor positions(int64_t gridHeight, int64_t gridWidth) const;
    // Positions of a training crop, (B, h·w, D): scale in [√0.1, 1], aspect in [3/4, 4/3], bilinear samples
    // with aligned corners, zero outside.
    at::Tensor trainingPositions(int64_t gridHeight, int64_t gridWidth, const PositionDraws& draws) const;

    bool hasVideo() const { return video_ != nullptr; }

  private:
    at::Tensor withPrefix(const at::Tensor& patches) const;
    at::Tensor resizedPositions(int64_t gridHeight, int64_t gridWidth) const;

    int64_t patchSize_, channels_, gridSide_;
    bool cropped_;
    std::shared_ptr<nn::Linear> embedder_, video_;
    std::shared_ptr<nn::LayerNorm> norm_;
    at::Tensor positions_, prefix_;

    struct CachedPositions {
        const void* storage = nullptr;
        uint64_t version = 0;
        at::Tensor table;
    };
    mutable std::mutex cacheMutex_;
    mutable std::map<std::pair<int64_t, int64_t>, CachedPositions> cache_;
};

}  // namespace vitrine
