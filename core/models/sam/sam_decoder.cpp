#include "core/models/sam/sam_decoder.h"

#include <tuple>

namespace vitrine::sam {
namespace {

constexpr double kUpscaleNormEpsilon = 1e-6;
constexpr int64_t kMaskNetworkDepth = 3;

}  // namespace

MaskDecoder::MaskDecoder(const DecoderSizes& s) : sizes_(s) {
    iouToken_ = register_module("iou_token", std::make_shared<nn::Embedding>(1, s.width));
    maskTokens_ =
        register_module("mask_tokens", std::make_shared<nn::Embedding>(s.multimaskCount + 1, s.width));
    transformer_ = register_module("transformer", std::make_shared<TwoWayTransformer>(s, TwoWayNames{}));
    const nn::ConvOptions doubling{.kernelHeight = 2, .kernelWidth = 2, .stride = 2};
    upscale1_ = register_module("upscale_conv1",
                                std::make_shared<nn::ConvTranspose2d>(s.width, s.width / 4, doubling));
    upscaleNorm_ = register_module("upscale_layer_norm",
                                   std::make_shared<nn::LayerNorm2d>(s.width / 4, kUpscaleNormEpsilon));
    upscale2_ = register_module("upscale_conv2",
                                std::make_shared<nn::ConvTranspose2d>(s.width / 4, s.width / 8, doubling));
    auto networks = register_module("output_hypernetworks_mlps", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i <= s.multimaskCount; ++i)
        maskNetworks_.push_back(networks->register_module(
            std::to_string(i),
            std::make_shared<FeedForward>(s.width, s.width, s.width / 8, kMaskNetworkDepth)));
    iouHead_ =
        register_module("iou_prediction_head",
                        std::make_shared<FeedForward>(s.width, s.iouWidth, s.multimaskCount + 1, s.iouDepth));
}

DecodedMasks MaskDecoder::forward(const at::Tensor& image, const at::Tensor& positions,
                                  const at::Tensor& sparse, const at::Tensor& dense, bool multimask) const {
    const int64_t batch = image.size(0), channels = image.size(1), height = image.size(2),
                  width = image.size(3);
    const int64_t promptCount = sparse.defined() ? sparse.size(1) : 1;
    const int64_t maskCount = sizes_.multimaskCount + 1;

    at::Tensor tokens = at::cat({iouToken_->weight, maskTokens_->weight})
                            .expand({batch, promptCount, maskCount + 1, channels});
    if (sparse.defined())
        tokens = at::cat({tokens, sparse}, 2);
    const auto asTokens = [&](const at::Tensor& map) {
        return map.flatten(2).transpose(1, 2).unsqueeze(1).expand(
            {batch, promptCount, height * width, channels});
    };
    const at::Tensor imagePositions = asTokens(positions.expand({batch, channels, height, width}));

    at::Tensor imageTokens;
    std::tie(tokens, imageTokens) = transformer_->forward(tokens, asTokens(image + dense), imagePositions);

    at::Tensor upscaled = imageTokens.transpose(2, 3).reshape({batch * promptCount, channels, height, width});
    upscaled = at::gelu(upscaleNorm_->forward(upscale1_->forward(upscaled)));
    upscaled = at::gelu(upscale2_->forward(upscaled));
    std::vector<at::Tensor> kernels;
    for (int64_t i = 0; i < maskCount; ++i)
        kernels.push_back(maskNetworks_[size_t(i)]->forward(tokens.select(2, i + 1)));
    const int64_t fullHeight = upscaled.size(2), fullWidth = upscaled.size(3);
    const at::Tensor masks =
        at::matmul(at::stack(kernels, 2), upscaled.reshape({batch, promptCount, -1, fullHeight * fullWidth}))
            .view({batch, promptCount, maskCount, fullHeight, fullWidth});
    const at::Tensor scores = iouHead_->forward(tokens.select(2, 0));
    // Mask 0 is the one for unambiguous prompts; the others are alternatives for an ambiguous one.
    const int64_t begin = multimask ? 1 : 0, end = multimask ? maskCount : 1;
    return {masks.slice(2, begin, end), scores.slice(2, begin, end)};
}

}  // namespace vitrine::sam
