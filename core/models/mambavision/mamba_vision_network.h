// The MambaVision network: a stem of two strided convolutions, two levels of convolution blocks, two levels
// of token blocks in windows, batch normalisation and a linear head. Parameter names are those of the
// published checkpoints without their prefix ("patch_embed.conv_down.0.weight",
// "levels.2.blocks.0.mixer.A_log", "norm.bias", "head.weight"); adaptors of a distilled one are
// "adaptors.NAME.head_mlp|feat_mlp...", as RADIO's.
#pragma once

#include "core/models/mambavision/mamba_vision_blocks.h"
#include "core/models/mambavision/mamba_vision_config.h"
#include "core/models/radio/adaptor.h"

#include <optional>

namespace vitrine::mambavision {

// Token windows of levels 2 and 3, tokens a side.
using TokenWindows = std::array<int64_t, kLevels - kFirstTokenLevel>;

struct MambaVisionMaps {
    at::Tensor stem;                         // (B, width, H/4, W/4), sides rounded up
    std::array<at::Tensor, kLevels> stages;  // after the blocks of a level, before its down-sampling
    std::array<at::Tensor, kLevels> levels;  // after it
    at::Tensor features;                     // the last stage, normalised
    std::pair<at::Tensor, at::Tensor>
        firstMixer;  // what goes into the first mixer and what comes out (windows, ω², C)
};

class MambaVisionNetwork : public torch::nn::Module {
  public:
    explicit MambaVisionNetwork(const MambaVisionConfig& config);

    const MambaVisionConfig& config() const { return config_; }
    // pixels (B, 3, H, W), normalised, of any size: maps are filled up with zeros, right and below, to whole
    // windows. `recompute`: for training, blocks keep their inputs only; `firstMixer` is then not told.
    MambaVisionMaps forward(const at::Tensor& pixels, const std::optional<TokenWindows>& windows = {},
                            bool recompute = false) const;
    // Null if there is none of that name.
    const Adaptor* adaptor(const std::string& name) const;
    at::Tensor logits(const at::Tensor& summary) const { return head_->forward(summary); }

  private:
    struct Level {
        std::vector<std::shared_ptr<ConvBlock>> convolutions;
        std::vector<std::shared_ptr<TokenBlock>> tokens;
        std::shared_ptr<nn::Conv2d> down;
    };
    void buildStem();
    void buildLevel(size_t index, torch::nn::Module& module);
    at::Tensor throughTokens(const Level& level, const at::Tensor& map, int64_t window,
                             std::pair<at::Tensor, at::Tensor>* firstMixer, bool recompute) const;

    MambaVisionConfig config_;
    std::shared_ptr<nn::Conv2d> stemConv0_, stemConv1_;
    std::shared_ptr<nn::TrainableBatchNorm> stemNorm0_, stemNorm1_, norm_;
    std::array<Level, kLevels> levels_;
    std::shared_ptr<nn::Linear> head_;  // null without classes
    std::map<std::string, std::shared_ptr<Adaptor>> adaptors_;
};

}  // namespace vitrine::mambavision
