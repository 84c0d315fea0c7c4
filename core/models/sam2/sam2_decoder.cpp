#include "core/models/sam2/sam2_decoder.h"

namespace vitrine::sam2 {
namespace {

// Constants of the reference, which its configuration does not state.
constexpr double kUpscaleNormEpsilon = 1e-6, kTransformerEpsilon = 1e-5;
constexpr int64_t kHeadDepth = 3;

at::Tensor asTokens(const at::Tensor& map, int64_t promptCount) {
    const at::Tensor tokens = map.flatten(2).transpose(1, 2).unsqueeze(1);
    return tokens.expand({map.size(0), promptCount, tokens.size(2), tokens.size(3)});
}

// Share of a mask that stays when its threshold rises from -delta to delta: (B, P, masks).
at::Tensor stability(const at::Tensor& masks, double delta) {
    const at::Tensor flat = masks.flatten(-2);
    const at::Tensor inner = (flat > delta).sum(-1).to(at::kFloat);
    const at::Tensor outer = (flat > -delta).sum(-1).to(at::kFloat);
    return at::where(outer > 0, inner / outer, at::ones_like(outer));
}

}  // namespace

Result<DecoderSizes> decoderSizesFrom(const Json& config) {
    DecoderSizes s;
    const std::string where = "config.json: mask_decoder_config";
    VITRINE_TRY(s.shared, sam::decoderSizesFrom(config));
    // Here hidden_act is not the transformer's activation: its MLPs use ReLU and torch's epsilon always.
    s.shared.activation = "relu";
    s.shared.layerNormEpsilon = kTransformerEpsilon;
    VITRINE_TRY(s.chooseStable, jsonValueOr<bool>(config, "dynamic_multimask_via_stability", true, where));
    VITRINE_TRY(s.stabilityDelta,
                jsonValueOr<double>(config, "dynamic_multimask_stability_delta", 0.05, where));
    VITRINE_TRY(s.stabilityThreshold,
                jsonValueOr<double>(config, "dynamic_multimask_stability_thresh", 0.98, where));
    if (s.shared.depth != 2)
        return fail(ErrorCode::Unsupported, "num_hidden_layers must be 2", where);
    if (s.shared.width % 8 || s.shared.multimaskCount < 1)
        return fail(ErrorCode::InvalidFile,
                    "hidden_size must be a multiple of 8 and num_multimask_outputs positive", where);
    return s;
}

MaskDecoder::MaskDecoder(const DecoderSizes& sizes) : sizes_(sizes) {
    const sam::DecoderSizes& s = sizes.shared;
    iouToken_ = register_module("iou_token", std::make_shared<nn::Embedding>(1, s.width));
    maskTokens_ =
        register_module("mask_tokens", std::make_shared<nn::Embedding>(s.multimaskCount + 1, s.width));
    objectToken_ = register_module("obj_score_token", std::make_shared<nn::Embedding>(1, s.width));
    transformer_ = register_module(
        "transformer", std::make_shared<sam::TwoWayTransformer>(
                           s, sam::TwoWayNames{.out = "o_proj", .up = "proj_in", .down = "proj_out"}));
    const nn::ConvOptions doubling{.kernelHeight = 2, .kernelWidth = 2, .stride = 2};
    upscale1_ = register_module("upscale_conv1",
                                std::make_shared<nn::ConvTranspose2d>(s.width, s.width / 4, doubling));
    upscaleNorm_ = register_module("upscale_layer_norm",
                                   std::make_shared<nn::LayerNorm2d>(s.width / 4, kUpscaleNormEpsilon));
    upscale2_ = register_module("upscale_conv2",
                                std::make_shared<nn::ConvTranspose2d>(s.width / 4, s.width / 8, doubling));
    reduce0_ =
        register_module("conv_s0", std::make_shared<nn::Conv2d>(s.width, s.width / 8, nn::ConvOptions{}));
    reduce1_ =
        register_module("conv_s1", std::make_shared<nn::Conv2d>(s.width, s.width / 4, nn::ConvOptions{}));
    auto networks = register_module("output_hypernetworks_mlps", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i <= s.multimaskCount; ++i)
        maskNetworks_.push_back(networks->register_module(
            std::to_string(i),
            std::make_shared<sam::FeedForward>(s.width, s.width, s.width / 8, kHeadDepth)));
    iouHead_ = register_module(
        "iou_prediction_head",
        std::make_shared<sam::FeedForward>(s.width, s.iouWidth, s.multimaskCount + 1, s.iouDepth));
    objectHead_ = register_module("pred_obj_score_head",
                                  std::make_shared<sam::FeedForward>(s.width, s.width, 1, kHeadDepth));
}

at::Tensor MaskDecoder::upscale(const at::Tensor& image, const std::vector<at::Tensor>& levels,
                                int64_t promptCount) const {
    const auto perPrompt = [&](const at::Tensor& level) { return level.repeat_interleave(promptCount, 0); };
    const at::Tensor half = upscale1_->forward(image) + perPrompt(levels[1]);
    return at::gelu(upscale2_->forward(at::gelu(upscaleNorm_->forward(half))) + perPrompt(levels[0]));
}

DecodedMasks MaskDecoder::forward(const std::vector<at::Tensor>& levels, const at::Tensor& positions,
                                  const at::Tensor& sparse, const at::Tensor& dense, bool multimask) const {
    const at::Tensor& image = levels[2];
    const int64_t batch = image.size(0), channels = image.size(1), height = image.size(2),
                  width = image.size(3), promptCount = sparse.size(1);
    const int64_t maskCount = sizes_.shared.multimaskCount + 1;

    const at::Tensor own = at::cat({objectToken_->weight, iouToken_->weight, maskTokens_->weight})
                               .expand({batch, promptCount, maskCount + 2, channels});
    const auto [tokens, imageTokens] =
        transformer_->forward(at::cat({own, sparse}, 2), asTokens(image + dense, promptCount),
                              asTokens(positions.expand({batch, channels, height, width}), promptCount));

    const at::Tensor upscaled =
        upscale(imageTokens.transpose(2, 3).reshape({batch * promptCount, channels, height, width}), levels,
                promptCount);
    std::vector<at::Tensor> kernels;
    for (int64_t i = 0; i < maskCount; ++i)
        kernels.push_back(maskNetworks_[size_t(i)]->forward(tokens.select(2, i + 2)));
    const int64_t fullHeight = upscaled.size(2), fullWidth = upscaled.size(3);
    const at::Tensor masks =
        at::matmul(at::stack(kernels, 2), upscaled.reshape({batch, promptCount, -1, fullHeight * fullWidth}))
            .reshape({batch, promptCount, maskCount, fullHeight, fullWidth});
    const DecodedMasks all{masks, iouHead_->forward(tokens.select(2, 1)).sigmoid(),
                           objectHead_->forward(tokens.select(2, 0))};
    if (!multimask && sizes_.chooseStable)
        return stableMasks(all);
    // Mask 0 is the one for unambiguous prompts; the others are alternatives for an ambiguous one.
    const int64_t begin = multimask ? 1 : 0, end = multimask ? maskCount : 1;
    return {masks.slice(2, begin, end), all.scores.slice(2, begin, end), all.objectScores};
}

// Mask 0 where it is stable, else the alternative with the best predicted score.
DecodedMasks MaskDecoder::stableMasks(const DecodedMasks& all) const {
    const at::Tensor single = all.masks.slice(2, 0, 1), singleScore = all.scores.slice(2, 0, 1);
    const at::Tensor others = all.masks.slice(2, 1), otherScores = all.scores.slice(2, 1);
    const at::Tensor best = otherScores.argmax(-1, true);  // (B, P, 1)
    const at::Tensor bestMask = others.gather(2, best.unsqueeze(-1).unsqueeze(-1).expand(single.sizes()));
    const at::Tensor stable = stability(single, sizes_.stabilityDelta) >= sizes_.stabilityThreshold;
    return {at::where(stable.unsqueeze(-1).unsqueeze(-1), single, bestMask),
            at::where(stable, singleScore, otherScores.gather(2, best)), all.objectScores};
}

}  // namespace vitrine::sam2
