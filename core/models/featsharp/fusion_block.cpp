#include "core/models/featsharp/fusion_block.h"

#include "core/nn/module_tree.h"
#include "kernels/operators.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace vitrine::featsharp {
namespace {

constexpr double kNormEpsilon = 1e-5;
constexpr double kStartScale = 1e-6;                // of both branches: at first the block changes nothing
constexpr int64_t kStripBytes = int64_t(64) << 20;  // of a strip's queries, keys and values

// Heads look along rows and columns in turn, each pair half as far-sighted as the one before.
at::Tensor headSlopes() {
    at::Tensor slopes = at::zeros({kFusionHeads, 2});
    for (int64_t head = 0; head < kFusionHeads; ++head) {
        const int64_t pair = head / 2;
        slopes[head][head % 2].fill_(std::exp2(double(-pair - 1)));
    }
    return slopes;
}

}  // namespace

FusionBlock::FusionBlock(const FeatSharpConfig& config)
    : width_(config.featureWidth),
      headWidth_(2 * config.featureWidth / kFusionHeads),
      storedWidth_(int64_t(std::bit_ceil(uint64_t(headWidth_)))),
      radius_(config.windowSize / 2),
      slopes_(headSlopes()) {
    if (config.attention) {
        if (config.layerNorm)
            norm1_ = register_module("norm1", std::make_shared<nn::LayerNorm>(2 * width_, kNormEpsilon));
        qkv_ =
            nn::registerAt(*this, "attn.qkv",
                           std::make_shared<nn::Linear>(2 * width_, 3 * kFusionHeads * storedWidth_, false));
        projection_ =
            nn::registerAt(*this, "attn.proj", std::make_shared<nn::Linear>(2 * width_, 2 * width_));
        scale1_ = nn::parameterAt(*this, "ls1.gamma", {2 * width_});
        at::NoGradGuard noGrad;
        scale1_.fill_(kStartScale);
    }
    if (config.feedForward) {
        if (config.layerNorm)
            norm2_ = register_module("norm2", std::make_shared<nn::LayerNorm>(2 * width_, kNormEpsilon));
        const int64_t hidden = (16 * width_ / 3 + 7) / 8 * 8;
        gate_ = nn::registerAt(*this, "mlp.w12", std::make_shared<nn::Linear>(2 * width_, 2 * hidden));
        down_ = nn::registerAt(*this, "mlp.w3", std::make_shared<nn::Linear>(hidden, width_));
        scale2_ = nn::parameterAt(*this, "ls2.gamma", {width_});
        at::NoGradGuard noGrad;
        scale2_.fill_(kStartScale);
    }
}

at::Tensor FusionBlock::attend(const at::Tensor& x) const {
    // Channels first: (B, 3, heads, stored width, h, W).
    const at::Tensor all = qkv_->forward(norm1_ ? norm1_->forward(x) : x)
                               .unflatten(3, {3, kFusionHeads, storedWidth_})
                               .permute({0, 3, 4, 5, 1, 2});
    const at::Tensor out = kernels::localAttention(
        all.select(1, 0).contiguous(), all.select(1, 1).contiguous(),
        all.select(1, 2).narrow(2, 0, headWidth_).contiguous(), slopes_.to(x.device(), x.scalar_type()),
        radius_, 1 / std::sqrt(double(headWidth_)));
    return projection_->forward(out.permute({0, 3, 4, 1, 2}).flatten(3));
}

at::Tensor FusionBlock::feedForward(const at::Tensor& x) const {
    const auto parts = gate_->forward(norm2_ ? norm2_->forward(x) : x).chunk(2, 3);
    return down_->forward(at::silu(parts[0]) * parts[1]);
}

at::Tensor FusionBlock::strip(const at::Tensor& guided, const at::Tensor& tiles, int64_t first,
                              int64_t count) const {
    // The rows that the strip's windows reach into.
    const int64_t from = std::max<int64_t>(0, first - radius_);
    const int64_t to = std::min(guided.size(2), first + count + radius_);
    at::Tensor x = at::cat({guided.narrow(2, from, to - from), tiles.narrow(2, from, to - from)}, 1)
                       .permute({0, 2, 3, 1})
                       .contiguous();
    if (qkv_)
        x = x + scale1_ * attend(x);
    x = x.narrow(1, first - from, count);
    const at::Tensor kept = x.narrow(3, 0, width_);
    return (gate_ ? kept + scale2_ * feedForward(x) : kept).permute({0, 3, 1, 2});
}

at::Tensor FusionBlock::forward(const at::Tensor& guided, const at::Tensor& tiles) const {
    const int64_t height = guided.size(2);
    const int64_t rowBytes =
        guided.size(0) * guided.size(3) * 3 * kFusionHeads * storedWidth_ * int64_t(guided.element_size());
    const int64_t rows = std::max<int64_t>(2 * radius_ + 1, kStripBytes / rowBytes);
    if (at::GradMode::is_enabled() || rows >= height)
        return strip(guided, tiles, 0, height).contiguous();
    at::Tensor out = at::empty_like(guided, at::MemoryFormat::Contiguous);
    for (int64_t first = 0; first < height; first += rows) {
        const int64_t count = std::min(rows, height - first);
        out.narrow(2, first, count).copy_(strip(guided, tiles, first, count));
    }
    return out;
}

}  // namespace vitrine::featsharp
