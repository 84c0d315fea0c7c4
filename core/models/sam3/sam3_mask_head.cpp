#include "core/models/sam3/sam3_mask_head.h"

#include "core/nn/functional.h"

namespace vitrine::sam3 {
namespace {

constexpr int64_t kEmbedderDepth = 3;

}  // namespace

class GroupNorm : public torch::nn::Module {
  public:
    explicit GroupNorm(int64_t channels) {
        weight_ = register_parameter("weight", at::empty({channels}));
        bias_ = register_parameter("bias", at::empty({channels}));
    }
    at::Tensor forward(const at::Tensor& x) const {
        return at::group_norm(x, kPixelNormGroups, weight_, bias_, kDetectorNormEpsilon);
    }

  private:
    at::Tensor weight_, bias_;
};

class PixelDecoder : public torch::nn::Module {
  public:
    PixelDecoder(int64_t width, int64_t stages) {
        auto convolutions = register_module("conv_layers", std::make_shared<torch::nn::Module>());
        auto norms = register_module("norms", std::make_shared<torch::nn::Module>());
        const nn::ConvOptions keepsSize{.kernelHeight = 3, .kernelWidth = 3, .padding = 1};
        for (int64_t i = 0; i < stages; ++i) {
            const std::string index = std::to_string(i);
            convolutions_.push_back(
                convolutions->register_module(index, std::make_shared<nn::Conv2d>(width, width, keepsSize)));
            norms_.push_back(norms->register_module(index, std::make_shared<GroupNorm>(width)));
        }
    }
    // Stages beyond the levels are stored but not used.
    at::Tensor forward(at::Tensor x, const std::vector<at::Tensor>& levels) const {
        for (size_t stage = 0; stage + 1 < levels.size(); ++stage) {
            const at::Tensor& finer = levels[levels.size() - 2 - stage];
            const at::Tensor merged = nn::resizeMap(x, finer.size(2), finer.size(3), "nearest") + finer;
            x = at::relu(norms_[stage]->forward(convolutions_[stage]->forward(merged)));
        }
        return x;
    }

  private:
    std::vector<std::shared_ptr<nn::Conv2d>> convolutions_;
    std::vector<std::shared_ptr<GroupNorm>> norms_;
};

MaskHead::MaskHead(const DetectorSizes& sizes) {
    const int64_t width = sizes.width();
    pixels_ = register_module("pixel_decoder", std::make_shared<PixelDecoder>(width, sizes.upsamplingStages));
    auto embedder = register_module("mask_embedder", std::make_shared<torch::nn::Module>());
    auto list = embedder->register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i < kEmbedderDepth; ++i)
        embedder_.push_back(
            list->register_module(std::to_string(i), std::make_shared<nn::Linear>(width, width)));
    objects_ =
        register_module("instance_projection", std::make_shared<nn::Conv2d>(width, width, nn::ConvOptions{}));
    semantic_ =
        register_module("semantic_projection", std::make_shared<nn::Conv2d>(width, 1, nn::ConvOptions{}));
    promptAttention_ =
        register_module("prompt_cross_attn", std::make_shared<Attention>(width, sizes.maskHeadCount));
    promptNorm_ = register_module("prompt_cross_attn_norm",
                                  std::make_shared<nn::LayerNorm>(width, kDetectorNormEpsilon));
}

at::Tensor MaskHead::embedQueries(const at::Tensor& queries) const {
    at::Tensor x = embedder_[0]->forward(queries);
    for (size_t i = 1; i < embedder_.size(); ++i)
        x = embedder_[i]->forward(at::relu(x));
    return x;
}

PredictedMasks MaskHead::forward(const at::Tensor& queries, const std::vector<at::Tensor>& levels,
                                 const at::Tensor& cells, const PromptTokens& prompt) const {
    const at::Tensor told = cells + promptAttention_->forward(promptNorm_->forward(cells), prompt.tokens,
                                                              prompt.tokens, paddingBias(prompt));
    const at::Tensor coarsest = nn::mapFromTokens(told, levels.back().size(2), levels.back().size(3));
    const at::Tensor pixels = pixels_->forward(coarsest, levels);
    const at::Tensor vectors = objects_->forward(pixels);
    const at::Tensor masks = at::matmul(embedQueries(queries), vectors.flatten(2));
    return {masks.unflatten(2, {pixels.size(2), pixels.size(3)}), semantic_->forward(pixels)};
}

}  // namespace vitrine::sam3
