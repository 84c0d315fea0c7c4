#include "core/models/sam/sam_vision.h"

#include "core/models/sam/windows.h"
#include "core/nn/functional.h"
#include "core/nn/fused.h"

#include <algorithm>

namespace vitrine::sam {
namespace {

constexpr double kNeckEpsilon = 1e-6;

// Relative position rows for every (query, key) pair of one axis: (q, k, headWidth). A table learned for
// another length is resized linearly (ViTDet, appendix).
at::Tensor relativeRows(const at::Tensor& table, int64_t queryLength, int64_t keyLength) {
    const int64_t distances = 2 * std::max(queryLength, keyLength) - 1;
    at::Tensor rows = table;
    if (rows.size(0) != distances)
        rows = at::upsample_linear1d(rows.t().unsqueeze(0), {distances}, false).squeeze(0).t();
    const double queryScale = std::max(double(keyLength) / double(queryLength), 1.0);
    const double keyScale = std::max(double(queryLength) / double(keyLength), 1.0);
    const at::Tensor queries = at::arange(queryLength, at::kDouble).unsqueeze(1) * queryScale;
    const at::Tensor keys = at::arange(keyLength, at::kDouble).unsqueeze(0) * keyScale;
    const at::Tensor offsets =
        (queries - keys + double(keyLength - 1) * keyScale).to(at::kLong).to(table.device());
    return rows.index({offsets});
}

class VisionAttention : public torch::nn::Module {
  public:
    VisionAttention(const VisionSizes& sizes, int64_t side) : headCount_(sizes.headCount) {
        qkv_ =
            register_module("qkv", std::make_shared<nn::Linear>(sizes.width, 3 * sizes.width, sizes.qkvBias));
        projection_ = register_module("proj", std::make_shared<nn::Linear>(sizes.width, sizes.width));
        if (sizes.relativePositions) {
            const std::vector<int64_t> shape{2 * side - 1, sizes.width / sizes.headCount};
            rowTable_ = register_parameter("rel_pos_h", at::empty(shape));
            columnTable_ = register_parameter("rel_pos_w", at::empty(shape));
        }
    }

    at::Tensor forward(const at::Tensor& x) const {
        const int64_t batch = x.size(0), height = x.size(1), width = x.size(2),
                      headWidth = x.size(3) / headCount_;
        const at::Tensor qkv = qkv_->forward(x)
                                   .reshape({batch, height * width, 3, headCount_, headWidth})
                                   .permute({2, 0, 3, 1, 4});
        const at::Tensor q = qkv[0];
        std::optional<at::Tensor> bias;
        if (rowTable_.defined())
            bias = relativeBias(q.reshape({batch * headCount_, height, width, headWidth}), height, width)
                       .view({batch, headCount_, height * width, height * width});
        const at::Tensor attended =
            nn::attention(q, qkv[1], qkv[2], 1.0 / std::sqrt(double(headWidth)), bias);
        return projection_->forward(nn::mergeHeads(attended).view({batch, height, width, -1}));
    }

  private:
    at::Tensor relativeBias(const at::Tensor& q, int64_t height, int64_t width) const {
        const at::Tensor byRow = at::einsum("bhwc,hkc->bhwk", {q, relativeRows(rowTable_, height, height)});
        const at::Tensor byColumn =
            at::einsum("bhwc,wkc->bhwk", {q, relativeRows(columnTable_, width, width)});
        return (byRow.unsqueeze(-1) + byColumn.unsqueeze(-2))
            .reshape({q.size(0), height * width, height * width});
    }

    int64_t headCount_;
    std::shared_ptr<nn::Linear> qkv_, projection_;
    at::Tensor rowTable_, columnTable_;
};

}  // namespace

class VisionLayer : public torch::nn::Module {
  public:
    VisionLayer(const VisionSizes& sizes, bool global)
        : windowSize_(global ? 0 : sizes.windowSize), activation_(nn::activationByName(sizes.activation)) {
        const int64_t side = windowSize_ > 0 ? windowSize_ : sizes.imageSize / sizes.patchSize;
        norm1_ = register_module("layer_norm1",
                                 std::make_shared<nn::LayerNorm>(sizes.width, sizes.layerNormEpsilon));
        attention_ = register_module("attn", std::make_shared<VisionAttention>(sizes, side));
        norm2_ = register_module("layer_norm2",
                                 std::make_shared<nn::LayerNorm>(sizes.width, sizes.layerNormEpsilon));
        auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
        linear1_ = mlp->register_module("lin1", std::make_shared<nn::Linear>(sizes.width, sizes.mlpWidth));
        linear2_ = mlp->register_module("lin2", std::make_shared<nn::Linear>(sizes.mlpWidth, sizes.width));
    }

    at::Tensor forward(const at::Tensor& x) const {
        const at::Tensor normed = norm1_->forward(x);
        at::Tensor attended;
        if (windowSize_ > 0) {
            const at::Tensor windows = attention_->forward(splitIntoWindows(normed, windowSize_));
            attended = joinWindows(windows, windowSize_, x.size(1), x.size(2));
        } else {
            attended = attention_->forward(normed);
        }
        const at::Tensor y = x + attended;
        return y + linear2_->forward(
                       nn::linear(norm2_->forward(y), linear1_->weight, linear1_->bias, activation_));
    }

  private:
    int64_t windowSize_;
    nn::Activation activation_;
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    std::shared_ptr<VisionAttention> attention_;
    std::shared_ptr<nn::Linear> linear1_, linear2_;
};

Result<VisionSizes> visionSizesFrom(const Json& config) {
    VisionSizes sizes;
    const std::string where = "config.json: vision_config";
    VITRINE_TRY(sizes.width, jsonValueOr<int64_t>(config, "hidden_size", 768, where));
    VITRINE_TRY(sizes.depth, jsonValueOr<int64_t>(config, "num_hidden_layers", 12, where));
    VITRINE_TRY(sizes.headCount, jsonValueOr<int64_t>(config, "num_attention_heads", 12, where));
    VITRINE_TRY(const double ratio, jsonValueOr<double>(config, "mlp_ratio", 4.0, where));
    VITRINE_TRY(sizes.mlpWidth,
                jsonValueOr<int64_t>(config, "mlp_dim", int64_t(double(sizes.width) * ratio), where));
    VITRINE_TRY(sizes.patchSize, jsonValueOr<int64_t>(config, "patch_size", 16, where));
    VITRINE_TRY(sizes.imageSize, jsonValueOr<int64_t>(config, "image_size", 1024, where));
    VITRINE_TRY(sizes.windowSize, jsonValueOr<int64_t>(config, "window_size", 14, where));
    VITRINE_TRY(sizes.outputChannels, jsonValueOr<int64_t>(config, "output_channels", 256, where));
    VITRINE_TRY(sizes.inputChannels, jsonValueOr<int64_t>(config, "num_channels", 3, where));
    VITRINE_TRY(sizes.qkvBias, jsonValueOr<bool>(config, "qkv_bias", true, where));
    VITRINE_TRY(sizes.absolutePositions, jsonValueOr<bool>(config, "use_abs_pos", true, where));
    VITRINE_TRY(sizes.relativePositions, jsonValueOr<bool>(config, "use_rel_pos", true, where));
    VITRINE_TRY(sizes.layerNormEpsilon, jsonValueOr<double>(config, "layer_norm_eps", 1e-6, where));
    VITRINE_TRY(sizes.activation, jsonValueOr<std::string>(config, "hidden_act", "gelu", where));
    VITRINE_TRY(sizes.globalLayers,
                jsonValueOr<std::vector<int64_t>>(config, "global_attn_indexes", {2, 5, 8, 11}, where));
    if (!nn::isActivation(sizes.activation))
        return fail(ErrorCode::Unsupported, fmt::format("unknown activation \"{}\"", sizes.activation),
                    where);
    if (sizes.width < 1 || sizes.depth < 0 || sizes.headCount < 1 || sizes.width % sizes.headCount ||
        sizes.patchSize < 1 || sizes.imageSize % sizes.patchSize)
        return fail(ErrorCode::InvalidFile, "sizes do not fit together (width, heads, patch and image size)",
                    where);
    return sizes;
}

VisionEncoderModule::VisionEncoderModule(const VisionSizes& s) : sizes(s) {
    auto embed = register_module("patch_embed", std::make_shared<torch::nn::Module>());
    projection_ = embed->register_module(
        "projection",
        std::make_shared<nn::Conv2d>(
            s.inputChannels, s.width,
            nn::ConvOptions{.kernelHeight = s.patchSize, .kernelWidth = s.patchSize, .stride = s.patchSize}));
    const int64_t grid = s.imageSize / s.patchSize;
    if (s.absolutePositions)
        positions_ = register_parameter("pos_embed", at::empty({1, grid, grid, s.width}));
    auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t index = 0; index < s.depth; ++index) {
        const bool global =
            std::find(s.globalLayers.begin(), s.globalLayers.end(), index) != s.globalLayers.end();
        layers_.push_back(
            list->register_module(std::to_string(index), std::make_shared<VisionLayer>(s, global)));
    }
    auto neck = register_module("neck", std::make_shared<torch::nn::Module>());
    neckConv1_ = neck->register_module(
        "conv1", std::make_shared<nn::Conv2d>(s.width, s.outputChannels, nn::ConvOptions{.bias = false}));
    neckNorm1_ = neck->register_module("layer_norm1",
                                       std::make_shared<nn::LayerNorm2d>(s.outputChannels, kNeckEpsilon));
    neckConv2_ = neck->register_module(
        "conv2", std::make_shared<nn::Conv2d>(
                     s.outputChannels, s.outputChannels,
                     nn::ConvOptions{.kernelHeight = 3, .kernelWidth = 3, .padding = 1, .bias = false}));
    neckNorm2_ = neck->register_module("layer_norm2",
                                       std::make_shared<nn::LayerNorm2d>(s.outputChannels, kNeckEpsilon));
}

std::vector<at::Tensor> VisionEncoderModule::hiddenStates(const at::Tensor& pixels) const {
    at::Tensor x = projection_->forward(pixels).permute({0, 2, 3, 1});
    if (positions_.defined())
        x = x + positions_;
    std::vector<at::Tensor> states{x};
    for (const auto& layer : layers_)
        states.push_back(layer->forward(states.back()));
    return states;
}

at::Tensor VisionEncoderModule::neck(const at::Tensor& lastState) const {
    const at::Tensor reduced = neckNorm1_->forward(neckConv1_->forward(lastState.permute({0, 3, 1, 2})));
    return neckNorm2_->forward(neckConv2_->forward(reduced));
}

}  // namespace vitrine::sam
