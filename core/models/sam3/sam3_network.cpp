#include "core/models/sam3/sam3_network.h"

#include "core/nn/functional.h"

#include <cmath>

namespace vitrine::sam3 {
namespace {

constexpr double kLargestScoreLogit = 12.0;  // of the reference, which its configuration does not state

// Mean of the tokens that are no padding: (B, T, C) -> (B, C).
at::Tensor meanToken(const at::Tensor& tokens, const at::Tensor& valid) {
    if (!valid.defined())
        return tokens.mean(1);
    const at::Tensor share = valid.to(tokens.scalar_type()).unsqueeze(-1);
    return (tokens * share).sum(1) / share.sum(1).clamp_min(1.0);
}

}  // namespace

// How well each query fits the prompt.
class DotProductScoring : public torch::nn::Module {
  public:
    explicit DotProductScoring(const StackSizes& s) : scale_(1.0 / std::sqrt(double(s.width))) {
        promptMlp_ = register_module("text_mlp", std::make_shared<HeadMlp>(s.width, s.mlpWidth, s.width, 2));
        promptNorm_ = register_module("text_mlp_out_norm",
                                      std::make_shared<nn::LayerNorm>(s.width, kDetectorNormEpsilon));
        promptProjection_ = register_module("text_proj", std::make_shared<nn::Linear>(s.width, s.width));
        queryProjection_ = register_module("query_proj", std::make_shared<nn::Linear>(s.width, s.width));
    }
    // (B, Q) logits.
    at::Tensor forward(const at::Tensor& queries, const PromptTokens& prompt) const {
        const at::Tensor tokens = promptNorm_->forward(prompt.tokens + promptMlp_->forward(prompt.tokens));
        const at::Tensor wanted = promptProjection_->forward(meanToken(tokens, prompt.valid));
        const at::Tensor fit = at::matmul(queryProjection_->forward(queries), wanted.unsqueeze(-1));
        return (fit.squeeze(-1) * scale_).clamp(-kLargestScoreLogit, kLargestScoreLogit);
    }

  private:
    double scale_;
    std::shared_ptr<HeadMlp> promptMlp_;
    std::shared_ptr<nn::LayerNorm> promptNorm_;
    std::shared_ptr<nn::Linear> promptProjection_, queryProjection_;
};

Sam3Module::Sam3Module(const VisionSizes& visionSizes, const clip::ClipConfig& textConfig,
                       const DetectorSizes& detector) {
    vision = register_module("vision_encoder", std::make_shared<VisionEncoderModule>(visionSizes));
    text = register_module("text_encoder", std::make_shared<TextEncoderModule>(textConfig));
    textProjection_ = register_module(
        "text_projection", std::make_shared<nn::Linear>(textConfig.text->tower.width, detector.width()));
    geometry_ = register_module("geometry_encoder", std::make_shared<GeometryEncoder>(detector));
    encoder_ = register_module("detr_encoder", std::make_shared<DetectorEncoder>(detector.encoder));
    decoder_ = register_module("detr_decoder", std::make_shared<DetectorDecoder>(detector));
    masks_ = register_module("mask_decoder", std::make_shared<MaskHead>(detector));
    scoring_ = register_module("dot_product_scoring", std::make_shared<DotProductScoring>(detector.decoder));
}

PromptTokens Sam3Module::promptTokens(const ImageCells& image, const DetectionPrompt& prompt) const {
    const int64_t batch = image.map.size(0);
    PromptTokens tokens{textProjection_->forward(text->forward(prompt.ids, prompt.mask)), {}};
    tokens.tokens = tokens.tokens.expand({batch, -1, -1});
    if (prompt.mask.defined())
        tokens.valid = prompt.mask.ne(0).expand({batch, -1});
    if (!prompt.boxes.defined() || prompt.boxes.size(1) == 0)
        return tokens;
    return joined(tokens, geometry_->forward(prompt.boxes, prompt.labels, image));
}

Detections Sam3Module::detect(const VisionOutput& output, const DetectionPrompt& prompt) const {
    // The reference leaves out the last, coarsest level of the pyramid.
    const std::vector<at::Tensor> levels(output.levels.begin(), output.levels.end() - 1);
    const ImageCells image{levels.back(), nn::tokensFromMap(levels.back()),
                           nn::tokensFromMap(output.positions[levels.size() - 1])};
    const PromptTokens tokens = promptTokens(image, prompt);
    const at::Tensor cells = encoder_->forward(image, tokens);
    const DecodedQueries decoded = decoder_->forward(image, cells, tokens);
    return {scoring_->forward(decoded.queries, tokens), decoded.presence, cornersOf(decoded.boxes),
            masks_->forward(decoded.queries, levels, cells, tokens)};
}

}  // namespace vitrine::sam3
