#include "core/models/sam2/hiera.h"

#include "core/models/sam/windows.h"
#include "core/nn/functional.h"
#include "core/nn/fused.h"

#include <algorithm>
#include <numeric>

namespace vitrine::sam2 {
namespace {

struct BlockSizes {
    int64_t inWidth, outWidth, headCount, window, stride;  // window 0: global; stride 1: no pooling
};

// Maximum over stride x stride cells of (B, H, W, C).
at::Tensor pool(const at::Tensor& map, int64_t stride) {
    if (stride == 1)
        return map;
    return at::max_pool2d(map.permute({0, 3, 1, 2}), {stride, stride}, {stride, stride})
        .permute({0, 2, 3, 1});
}

class HieraAttention : public torch::nn::Module {
  public:
    explicit HieraAttention(const BlockSizes& s) : sizes_(s) {
        qkv_ = register_module("qkv", std::make_shared<nn::Linear>(s.inWidth, 3 * s.outWidth));
        projection_ = register_module("proj", std::make_shared<nn::Linear>(s.outWidth, s.outWidth));
    }
    // (B, H, W, inWidth) -> (B, H / stride, W / stride, outWidth).
    at::Tensor forward(const at::Tensor& x) const {
        const auto parts = qkv_->forward(x).chunk(3, -1);
        const at::Tensor queries = pool(parts[0], sizes_.stride);
        const auto heads = [&](const at::Tensor& map) {
            return nn::splitHeads(map.flatten(1, 2), sizes_.headCount);
        };
        const double scale = 1.0 / std::sqrt(double(sizes_.outWidth) / double(sizes_.headCount));
        const at::Tensor attended = nn::attention(heads(queries), heads(parts[1]), heads(parts[2]), scale);
        return projection_->forward(
            nn::mergeHeads(attended).reshape({x.size(0), queries.size(1), queries.size(2), -1}));
    }

  private:
    BlockSizes sizes_;
    std::shared_ptr<nn::Linear> qkv_, projection_;
};

}  // namespace

class HieraBlock : public torch::nn::Module {
  public:
    HieraBlock(const HieraSizes& sizes, const BlockSizes& block)
        : block_(block), activation_(nn::activationByName(sizes.activation)) {
        const double epsilon = sizes.layerNormEpsilon;
        norm1_ = register_module("layer_norm1", std::make_shared<nn::LayerNorm>(block.inWidth, epsilon));
        attention_ = register_module("attn", std::make_shared<HieraAttention>(block));
        norm2_ = register_module("layer_norm2", std::make_shared<nn::LayerNorm>(block.outWidth, epsilon));
        const int64_t hidden = int64_t(double(block.outWidth) * sizes.mlpRatio);
        auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
        up_ = mlp->register_module("proj_in", std::make_shared<nn::Linear>(block.outWidth, hidden));
        down_ = mlp->register_module("proj_out", std::make_shared<nn::Linear>(hidden, block.outWidth));
        if (block.inWidth != block.outWidth)
            shortcut_ = register_module("proj", std::make_shared<nn::Linear>(block.inWidth, block.outWidth));
    }

    at::Tensor forward(const at::Tensor& x) const {
        const at::Tensor normed = norm1_->forward(x);
        // A change of width takes the residual from the normalised input.
        const at::Tensor residual = shortcut_ ? pool(shortcut_->forward(normed), block_.stride) : x;
        at::Tensor attended;
        if (block_.window > 0) {
            const at::Tensor windows = attention_->forward(sam::splitIntoWindows(normed, block_.window));
            attended =
                sam::joinWindows(windows, block_.window / block_.stride, residual.size(1), residual.size(2));
        } else {
            attended = attention_->forward(normed);
        }
        const at::Tensor y = residual + attended;
        return y + down_->forward(nn::linear(norm2_->forward(y), up_->weight, up_->bias, activation_));
    }

  private:
    BlockSizes block_;
    nn::Activation activation_;
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    std::shared_ptr<HieraAttention> attention_;
    std::shared_ptr<nn::Linear> up_, down_, shortcut_;
};

int64_t HieraSizes::depth() const {
    return std::accumulate(blocks.begin(), blocks.end(), int64_t(0));
}

int64_t HieraSizes::stageStride(size_t stage) const {
    int64_t stride = patchStride;
    for (size_t i = 1; i <= stage && int64_t(i) <= pooledStages; ++i)
        stride *= queryStride;
    return stride;
}

Hiera::Hiera(const HieraSizes& s) : sizes(s) {
    auto embed = register_module("patch_embed", std::make_shared<torch::nn::Module>());
    projection_ = embed->register_module(
        "projection", std::make_shared<nn::Conv2d>(s.inputChannels, s.widths[0],
                                                   nn::ConvOptions{.kernelHeight = s.patchKernel,
                                                                   .kernelWidth = s.patchKernel,
                                                                   .stride = s.patchStride,
                                                                   .padding = s.patchPadding}));
    background_ = register_parameter("pos_embed",
                                     at::empty({1, s.widths[0], s.backgroundGrid[0], s.backgroundGrid[1]}));
    window_ = register_parameter("pos_embed_window", at::empty({1, s.widths[0], s.windows[0], s.windows[0]}));
    auto list = register_module("blocks", std::make_shared<torch::nn::Module>());
    for (size_t stage = 0; stage < s.blocks.size(); ++stage) {
        for (int64_t i = 0; i < s.blocks[stage]; ++i) {
            // The first block of a stage still has the width and the window of the stage before.
            const size_t from = stage > 0 && i == 0 ? stage - 1 : stage;
            const int64_t index = int64_t(blocks_.size());
            const bool global =
                std::find(s.globalBlocks.begin(), s.globalBlocks.end(), index) != s.globalBlocks.end();
            const bool pools = from != stage && int64_t(stage) <= s.pooledStages;
            const BlockSizes block{s.widths[from], s.widths[stage], s.heads[stage],
                                   global ? 0 : s.windows[from], pools ? s.queryStride : 1};
            blocks_.push_back(
                list->register_module(std::to_string(index), std::make_shared<HieraBlock>(s, block)));
        }
    }
}

at::Tensor Hiera::positions(int64_t height, int64_t width) const {
    const at::Tensor background = nn::resizeMap(background_, height, width, "bicubic");
    const at::Tensor repeated = window_.tile({1, 1, height / window_.size(2), width / window_.size(3)});
    return (background + repeated).permute({0, 2, 3, 1});
}

std::vector<at::Tensor> Hiera::hiddenStates(const at::Tensor& pixels) const {
    const at::Tensor embedded = projection_->forward(pixels).permute({0, 2, 3, 1});
    std::vector<at::Tensor> states{embedded + positions(embedded.size(1), embedded.size(2))};
    for (const auto& block : blocks_)
        states.push_back(block->forward(states.back()));
    return states;
}

size_t Hiera::stageEnd(size_t stage) const {
    return size_t(
        std::accumulate(sizes.blocks.begin(), sizes.blocks.begin() + std::ptrdiff_t(stage) + 1, int64_t(0)));
}

}  // namespace vitrine::sam2
