#include "core/models/sam3/sam3_detector_decoder.h"

#include "core/models/sam/sine_positions.h"

#include <numbers>

namespace vitrine::sam3 {
namespace {

// Constants of the reference, which its configuration does not state.
constexpr double kInverseSigmoidEpsilon = 1e-3, kLargestPresenceLogit = 10.0;
// Distances from a cell to a box's edges are scaled by this before their logarithm, which is taken to it as
// base.
constexpr double kDistanceScale = 8.0;
constexpr double kLog2OfDistanceScale = 3.0;

at::Tensor inverseSigmoid(const at::Tensor& x) {
    const at::Tensor share = x.clamp(0, 1);
    return (share.clamp_min(kInverseSigmoidEpsilon) / (1 - share).clamp_min(kInverseSigmoidEpsilon)).log();
}

// A zero row in front of (…, Q, n): the presence token has no box.
at::Tensor withPresenceRow(const at::Tensor& x) {
    return at::constant_pad_nd(x, {0, 0, 1, 0});
}

}  // namespace

// A post-norm layer: queries attend to each other, to the prompt and to the picture, and pass an MLP.
class DecoderLayer : public torch::nn::Module {
  public:
    explicit DecoderLayer(const StackSizes& s) {
        const auto attention = [&](const std::string& name) {
            norms_.push_back(register_module(name + "_layer_norm",
                                             std::make_shared<nn::LayerNorm>(s.width, kDetectorNormEpsilon)));
            return register_module(name, std::make_shared<Attention>(s.width, s.headCount));
        };
        self_ = attention("self_attn");
        text_ = attention("text_cross_attn");
        vision_ = attention("vision_cross_attn");
        mlp_ = register_module("mlp", std::make_shared<Mlp>(s));
        norms_.push_back(register_module("mlp_layer_norm",
                                         std::make_shared<nn::LayerNorm>(s.width, kDetectorNormEpsilon)));
    }

    at::Tensor forward(at::Tensor x, const at::Tensor& positions, const PromptTokens& prompt,
                       const AttentionBias& promptBias, const at::Tensor& cells,
                       const at::Tensor& placedCells, const at::Tensor& boxBias) const {
        at::Tensor placed = x + positions;
        x = norms_[0]->forward(x + self_->forward(placed, placed, x));
        x = norms_[1]->forward(x + text_->forward(x + positions, prompt.tokens, prompt.tokens, promptBias));
        x = norms_[2]->forward(x + vision_->forward(x + positions, placedCells, cells, boxBias));
        return norms_[3]->forward(x + mlp_->forward(x));
    }

  private:
    std::shared_ptr<Attention> self_, text_, vision_;
    std::shared_ptr<Mlp> mlp_;
    std::vector<std::shared_ptr<nn::LayerNorm>> norms_;  // after self, text, vision, MLP
};

DetectorDecoder::DetectorDecoder(const DetectorSizes& sizes) : width_(sizes.width()) {
    const StackSizes& s = sizes.decoder;
    const auto head = [&](const char* name, int64_t in, int64_t out, int64_t depth) {
        return register_module(name, std::make_shared<HeadMlp>(in, width_, out, depth));
    };
    const auto norm = [&](const char* name) {
        return register_module(name, std::make_shared<nn::LayerNorm>(width_, kDetectorNormEpsilon));
    };
    auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i < s.depth; ++i)
        layers_.push_back(list->register_module(std::to_string(i), std::make_shared<DecoderLayer>(s)));
    outputNorm_ = norm("output_layer_norm");
    boxHead_ = head("box_head", width_, 4, 3);
    queries_ = register_module("query_embed", std::make_shared<nn::Embedding>(sizes.queryCount, width_));
    referenceBoxes_ =
        register_module("reference_points", std::make_shared<nn::Embedding>(sizes.queryCount, 4));
    presenceToken_ = register_module("presence_token", std::make_shared<nn::Embedding>(1, width_));
    presenceHead_ = head("presence_head", width_, 1, 3);
    presenceNorm_ = norm("presence_layer_norm");
    positionHead_ = head("ref_point_head", 2 * width_, width_, 2);
    biasX_ = head("box_rpb_embed_x", 2, s.headCount, 2);
    biasY_ = head("box_rpb_embed_y", 2, s.headCount, 2);
}

// (B, Q, 4) -> (B, Q, C): sines of centre y, centre x, width and height, in this order, through a small
// network.
at::Tensor DetectorDecoder::positionsOf(const at::Tensor& boxes) const {
    const auto parts = (boxes * (2 * std::numbers::pi)).unbind(-1);
    const at::Tensor ordered = at::stack({parts[1], parts[0], parts[2], parts[3]}, -1);
    const at::Tensor sines = sam::sinesOf(ordered, width_ / 2).flatten(-2);
    return positionHead_->forward(sines.to(queries_->weight.scalar_type()));
}

// (B, heads, Q, h·w): how much a query's box speaks for each cell, from the signed logarithmic distances
// between the cell and the box's edges, added over the two axes.
at::Tensor DetectorDecoder::boxBias(const at::Tensor& boxes, int64_t height, int64_t width) const {
    const at::Tensor corners = cornersOf(boxes);
    const auto alongAxis = [&](int64_t length, int64_t axis, const HeadMlp& head) {
        const at::Tensor cells = at::arange(length, boxes.options()) / double(length);
        const at::Tensor edges = at::stack({corners.select(-1, axis), corners.select(-1, axis + 2)}, -1);
        const at::Tensor distance = (cells.view({1, 1, length, 1}) - edges.unsqueeze(2)) * kDistanceScale;
        const at::Tensor logarithmic = distance.sign() * (distance.abs() + 1).log2() / kLog2OfDistanceScale;
        return head.forward(logarithmic.to(queries_->weight.scalar_type()));  // (B, Q, length, heads)
    };
    const at::Tensor x = alongAxis(width, 0, *biasX_), y = alongAxis(height, 1, *biasY_);
    return (y.unsqueeze(3) + x.unsqueeze(2)).flatten(2, 3).permute({0, 3, 1, 2});
}

DecodedQueries DetectorDecoder::forward(const ImageCells& image, const at::Tensor& cells,
                                        const PromptTokens& prompt) const {
    const int64_t batch = cells.size(0), height = image.map.size(2), width = image.map.size(3);
    const auto perPicture = [&](const at::Tensor& table) {
        return table.unsqueeze(0).expand({batch, -1, -1});
    };
    at::Tensor x = at::cat({perPicture(presenceToken_->weight), perPicture(queries_->weight)}, 1);
    // Boxes stay in float32: eight bits of precision would round them to a hundredth of the picture.
    at::Tensor boxes = perPicture(referenceBoxes_->weight).to(at::kFloat).sigmoid();
    const AttentionBias promptBias = paddingBias(prompt);
    const at::Tensor placedCells = cells + image.positions;

    DecodedQueries decoded;
    for (const auto& layer : layers_) {
        const at::Tensor bias = withPresenceRow(boxBias(boxes, height, width));
        x = layer->forward(x, withPresenceRow(positionsOf(boxes)), prompt, promptBias, cells, placedCells,
                           bias);
        decoded.queries = outputNorm_->forward(x.slice(1, 1));
        boxes = (inverseSigmoid(boxes) + boxHead_->forward(decoded.queries).to(at::kFloat)).sigmoid();
    }
    decoded.boxes = boxes;
    decoded.presence = presenceHead_->forward(presenceNorm_->forward(x.select(1, 0)))
                           .clamp(-kLargestPresenceLogit, kLargestPresenceLogit);
    return decoded;
}

}  // namespace vitrine::sam3
