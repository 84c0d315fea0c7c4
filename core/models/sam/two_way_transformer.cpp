#include "core/models/sam/two_way_transformer.h"

#include "core/nn/functional.h"

namespace vitrine::sam {
namespace {

constexpr double kFinalNormEpsilon = 1e-5;  // torch's default: the reference states none here

}  // namespace

// Attention with its own inner width. Inputs (B, P, T, C).
class CrossAttention : public torch::nn::Module {
  public:
    CrossAttention(int64_t width, int64_t innerWidth, int64_t headCount, const std::string& outName)
        : headCount_(headCount) {
        query_ = register_module("q_proj", std::make_shared<nn::Linear>(width, innerWidth));
        key_ = register_module("k_proj", std::make_shared<nn::Linear>(width, innerWidth));
        value_ = register_module("v_proj", std::make_shared<nn::Linear>(width, innerWidth));
        output_ = register_module(outName, std::make_shared<nn::Linear>(innerWidth, width));
    }
    at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) const {
        const auto heads = [&](const at::Tensor& x) { return nn::splitHeads(x.flatten(0, 1), headCount_); };
        const at::Tensor q = heads(query_->forward(query));
        const at::Tensor attended = nn::attention(q, heads(key_->forward(key)), heads(value_->forward(value)),
                                                  1.0 / std::sqrt(double(q.size(3))));
        return output_->forward(nn::mergeHeads(attended).unflatten(0, query.sizes().slice(0, 2)));
    }

  private:
    int64_t headCount_;
    std::shared_ptr<nn::Linear> query_, key_, value_, output_;
};

// Tokens attend to themselves, to the image, pass an MLP, and the image attends to the tokens.
class TwoWayLayer : public torch::nn::Module {
  public:
    TwoWayLayer(const DecoderSizes& sizes, const TwoWayNames& names, bool first)
        : first_(first), activation_(nn::activationByName(sizes.activation)) {
        const int64_t inner = sizes.width / sizes.attentionDownsampling;
        self_ = register_module("self_attn", std::make_shared<CrossAttention>(sizes.width, sizes.width,
                                                                              sizes.headCount, names.out));
        toImage_ =
            register_module("cross_attn_token_to_image",
                            std::make_shared<CrossAttention>(sizes.width, inner, sizes.headCount, names.out));
        toTokens_ =
            register_module("cross_attn_image_to_token",
                            std::make_shared<CrossAttention>(sizes.width, inner, sizes.headCount, names.out));
        for (int64_t i = 1; i <= 4; ++i)
            norms_.push_back(
                register_module(fmt::format("layer_norm{}", i),
                                std::make_shared<nn::LayerNorm>(sizes.width, sizes.layerNormEpsilon)));
        auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
        linear1_ = mlp->register_module(names.up, std::make_shared<nn::Linear>(sizes.width, sizes.mlpWidth));
        linear2_ =
            mlp->register_module(names.down, std::make_shared<nn::Linear>(sizes.mlpWidth, sizes.width));
    }

    void forward(at::Tensor& tokens, at::Tensor& image, const at::Tensor& tokenPositions,
                 const at::Tensor& imagePositions) const {
        if (first_) {
            // The first layer's tokens are their own positions and have no residual yet.
            tokens = self_->forward(tokens, tokens, tokens);
        } else {
            const at::Tensor placed = tokens + tokenPositions;
            tokens = tokens + self_->forward(placed, placed, tokens);
        }
        tokens = norms_[0]->forward(tokens);
        const at::Tensor placedImage = image + imagePositions;
        tokens = norms_[1]->forward(tokens + toImage_->forward(tokens + tokenPositions, placedImage, image));
        tokens = norms_[2]->forward(tokens + linear2_->forward(activation_(linear1_->forward(tokens))));
        image = norms_[3]->forward(image + toTokens_->forward(placedImage, tokens + tokenPositions, tokens));
    }

  private:
    bool first_;
    nn::Activation activation_;
    std::shared_ptr<CrossAttention> self_, toImage_, toTokens_;
    std::vector<std::shared_ptr<nn::LayerNorm>> norms_;
    std::shared_ptr<nn::Linear> linear1_, linear2_;
};

Result<DecoderSizes> decoderSizesFrom(const Json& config) {
    DecoderSizes sizes;
    const std::string where = "config.json: mask_decoder_config";
    VITRINE_TRY(sizes.width, jsonValueOr<int64_t>(config, "hidden_size", 256, where));
    VITRINE_TRY(sizes.mlpWidth, jsonValueOr<int64_t>(config, "mlp_dim", 2048, where));
    VITRINE_TRY(sizes.depth, jsonValueOr<int64_t>(config, "num_hidden_layers", 2, where));
    VITRINE_TRY(sizes.headCount, jsonValueOr<int64_t>(config, "num_attention_heads", 8, where));
    VITRINE_TRY(sizes.attentionDownsampling,
                jsonValueOr<int64_t>(config, "attention_downsample_rate", 2, where));
    VITRINE_TRY(sizes.multimaskCount, jsonValueOr<int64_t>(config, "num_multimask_outputs", 3, where));
    VITRINE_TRY(sizes.iouDepth, jsonValueOr<int64_t>(config, "iou_head_depth", 3, where));
    VITRINE_TRY(sizes.iouWidth, jsonValueOr<int64_t>(config, "iou_head_hidden_dim", 256, where));
    VITRINE_TRY(sizes.layerNormEpsilon, jsonValueOr<double>(config, "layer_norm_eps", 1e-6, where));
    VITRINE_TRY(sizes.activation, jsonValueOr<std::string>(config, "hidden_act", "relu", where));
    if (!nn::isActivation(sizes.activation) || sizes.width < 8 || sizes.attentionDownsampling < 1 ||
        sizes.headCount < 1 || (sizes.width / sizes.attentionDownsampling) % sizes.headCount)
        return fail(ErrorCode::InvalidFile,
                    "sizes do not fit together (width, heads, downsampling) or an unknown activation", where);
    return sizes;
}

FeedForward::FeedForward(int64_t inWidth, int64_t innerWidth, int64_t outWidth, int64_t depth) {
    first_ = register_module("proj_in", std::make_shared<nn::Linear>(inWidth, innerWidth));
    last_ = register_module("proj_out", std::make_shared<nn::Linear>(innerWidth, outWidth));
    auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i + 2 < depth; ++i)
        inner_.push_back(
            list->register_module(std::to_string(i), std::make_shared<nn::Linear>(innerWidth, innerWidth)));
}

at::Tensor FeedForward::forward(const at::Tensor& x) const {
    at::Tensor y = at::relu(first_->forward(x));
    for (const auto& layer : inner_)
        y = at::relu(layer->forward(y));
    return last_->forward(y);
}

TwoWayTransformer::TwoWayTransformer(const DecoderSizes& s, const TwoWayNames& names) {
    auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i < s.depth; ++i)
        layers_.push_back(
            list->register_module(std::to_string(i), std::make_shared<TwoWayLayer>(s, names, i == 0)));
    finalAttention_ = register_module(
        "final_attn_token_to_image",
        std::make_shared<CrossAttention>(s.width, s.width / s.attentionDownsampling, s.headCount, names.out));
    finalNorm_ =
        register_module("layer_norm_final_attn", std::make_shared<nn::LayerNorm>(s.width, kFinalNormEpsilon));
}

std::pair<at::Tensor, at::Tensor> TwoWayTransformer::forward(const at::Tensor& tokens,
                                                             const at::Tensor& image,
                                                             const at::Tensor& imagePositions) const {
    at::Tensor queries = tokens, keys = image;
    for (const auto& layer : layers_)
        layer->forward(queries, keys, tokens, imagePositions);
    queries = finalNorm_->forward(queries +
                                  finalAttention_->forward(queries + tokens, keys + imagePositions, keys));
    return {queries, keys};
}

}  // namespace vitrine::sam
