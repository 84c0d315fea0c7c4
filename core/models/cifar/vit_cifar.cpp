#include "core/models/cifar/vit_cifar.h"

#include "core/models/encoder_checks.h"
#include "core/nn/functional.h"
#include "core/nn/layers.h"
#include "core/nn/token_reduction.h"

namespace vitrine {
namespace {

constexpr double kLayerNormEpsilon = 1e-5;  // torch's default, not stored in the checkpoint

struct VitCifarSizes {
    int64_t width = 128, depth = 6, headCount = 8, patchSize = 4, positionCount = 65, classCount = 10;
    // Of each layer, which may be less than at first where heads or hidden units were cut out.
    struct Layer {
        int64_t headCount = 8, mlpWidth = 256;
    };
    std::vector<Layer> layers;
    std::optional<nn::TokenReductionSettings> tokens;
    int64_t headWidth() const { return width / headCount; }
};

class SelfAttention : public torch::nn::Module {
  public:
    SelfAttention(int64_t width, int64_t headCount, int64_t headWidth) : headCount_(headCount) {
        const int64_t inner = headCount * headWidth;
        inWeight_ = register_parameter("in_proj_weight", at::empty({3 * inner, width}));
        inBias_ = register_parameter("in_proj_bias", at::empty({3 * inner}));
        outProjection_ = register_module("out_proj", std::make_shared<nn::Linear>(inner, width));
    }
    // `tokens`, if not null, is shown queries and keys.
    at::Tensor forward(const at::Tensor& x, at::Tensor* probabilities, nn::TokenReduction* tokens,
                       int64_t block) const {
        const auto parts = at::linear(x, inWeight_, inBias_).chunk(3, -1);
        const double scale = 1.0 / std::sqrt(double(parts[0].size(2)) / double(headCount_));
        const at::Tensor q = nn::splitHeads(parts[0], headCount_), k = nn::splitHeads(parts[1], headCount_);
        if (tokens)
            tokens->look(block, q, k, scale);
        return outProjection_->forward(nn::mergeHeads(
            nn::attention(q, k, nn::splitHeads(parts[2], headCount_), scale,
                          tokens ? tokens->attentionBias() : std::nullopt, false, probabilities)));
    }

  private:
    int64_t headCount_;
    at::Tensor inWeight_, inBias_;
    std::shared_ptr<nn::Linear> outProjection_;
};

class PostNormLayer : public torch::nn::Module {
  public:
    PostNormLayer(const VitCifarSizes& sizes, const VitCifarSizes::Layer& layer) {
        attention_ = register_module(
            "self_attn", std::make_shared<SelfAttention>(sizes.width, layer.headCount, sizes.headWidth()));
        linear1_ = register_module("linear1", std::make_shared<nn::Linear>(sizes.width, layer.mlpWidth));
        linear2_ = register_module("linear2", std::make_shared<nn::Linear>(layer.mlpWidth, sizes.width));
        norm1_ = register_module("norm1", std::make_shared<nn::LayerNorm>(sizes.width, kLayerNormEpsilon));
        norm2_ = register_module("norm2", std::make_shared<nn::LayerNorm>(sizes.width, kLayerNormEpsilon));
    }
    at::Tensor forward(const at::Tensor& x, at::Tensor* probabilities, nn::TokenReduction* tokens,
                       int64_t block) const {
        at::Tensor attended = norm1_->forward(x + attention_->forward(x, probabilities, tokens, block));
        if (tokens)
            attended = tokens->reduce(attended);
        return norm2_->forward(attended + linear2_->forward(at::relu(linear1_->forward(attended))));
    }

  private:
    std::shared_ptr<SelfAttention> attention_;
    std::shared_ptr<nn::Linear> linear1_, linear2_;
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
};

class VitCifar : public torch::nn::Module {
  public:
    explicit VitCifar(const VitCifarSizes& s) : sizes(s) {
        classToken_ = register_parameter("cls_token", at::empty({1, 1, s.width}));
        positions_ = register_parameter("pos_embed", at::empty({1, s.positionCount, s.width}));
        auto embed = register_module("patch_embed", std::make_shared<torch::nn::Module>());
        projection_ = embed->register_module(
            "proj", std::make_shared<nn::Conv2d>(
                        3, s.width,
                        nn::ConvOptions{
                            .kernelHeight = s.patchSize, .kernelWidth = s.patchSize, .stride = s.patchSize}));
        auto layers = register_module("transformer", std::make_shared<torch::nn::Module>())
                          ->register_module("layers", std::make_shared<torch::nn::Module>());
        for (int64_t i = 0; i < s.depth; ++i)
            layers_.push_back(layers->register_module(
                std::to_string(i), std::make_shared<PostNormLayer>(s, s.layers[size_t(i)])));
        auto head = register_module("mlp_head", std::make_shared<torch::nn::Module>());
        headNorm_ = head->register_module("0", std::make_shared<nn::LayerNorm>(s.width, kLayerNormEpsilon));
        headLinear_ = head->register_module("1", std::make_shared<nn::Linear>(s.width, s.classCount));
    }

    // Hidden states 0..depth; attention of the asked blocks (1-based) in their order.
    std::vector<at::Tensor> hiddenStates(const at::Tensor& pixels,
                                         const std::vector<int64_t>& attentionLayers,
                                         std::vector<at::Tensor>& attention) const {
        const at::Tensor patches = nn::tokensFromMap(projection_->forward(pixels));
        const at::Tensor tokens = at::cat({classToken_.expand({pixels.size(0), -1, -1}), patches}, 1);
        std::vector<at::Tensor> states{tokens + positions_};
        std::optional<nn::TokenReduction> fewer;
        if (sizes.tokens)
            fewer.emplace(*sizes.tokens, sizes.depth, 1, 1, patches.size(1));
        at::Tensor x = states.back();
        attention.resize(attentionLayers.size());
        for (size_t block = 0; block < layers_.size(); ++block) {
            const auto wanted = std::find(attentionLayers.begin(), attentionLayers.end(), int64_t(block) + 1);
            at::Tensor* probabilities = wanted == attentionLayers.end()
                                            ? nullptr
                                            : &attention[size_t(wanted - attentionLayers.begin())];
            x = layers_[block]->forward(x, probabilities, fewer ? &*fewer : nullptr, int64_t(block));
            states.push_back(fewer ? fewer->whole(x) : x);
        }
        return states;
    }
    at::Tensor logits(const at::Tensor& summary) const {
        return headLinear_->forward(headNorm_->forward(summary));
    }

    const VitCifarSizes sizes;

  private:
    at::Tensor classToken_, positions_;
    std::shared_ptr<nn::Conv2d> projection_;
    std::vector<std::shared_ptr<PostNormLayer>> layers_;
    std::shared_ptr<nn::LayerNorm> headNorm_;
    std::shared_ptr<nn::Linear> headLinear_;
};

class VitCifarModel : public Model, public VisionEncoder, public ImageClassifier {
  public:
    explicit VitCifarModel(std::shared_ptr<VitCifar> network) : network_(std::move(network)) {
        const VitCifarSizes& sizes = network_->sizes;
        grid_ = int64_t(std::llround(std::sqrt(double(sizes.positionCount - 1))));
        info_.family = "vit_cifar";
        info_.name = "ViT (CIFAR)";
        info_.patchSize = info_.sizeMultiple = sizes.patchSize;
        info_.preferredHeight = info_.preferredWidth = grid_ * sizes.patchSize;
        info_.fixedSize = true;
        info_.layerCount = sizes.depth;
        info_.prefixTokenCount = info_.classTokenCount = 1;
        info_.featureWidth = info_.summaryWidth = sizes.width;
        info_.headCount = sizes.headCount;
        for (const at::Tensor& parameter : network_->parameters())
            info_.parameterCount += parameter.numel();
    }

    std::string family() const override { return info_.family; }
    const VisionEncoder* encoder() const override { return this; }
    const ImageClassifier* classifier() const override { return this; }
    torch::nn::Module* module() override { return network_.get(); }
    const EncoderInfo& info() const override { return info_; }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        if (network_->sizes.tokens && !request.attentionLayers.empty())
            return fail(ErrorCode::Unsupported,
                        "this encoder reduces its tokens: no attention map has them all", "attention",
                        "Leave \"token_reduction\" of config.json out, or open the whole encoder");
        at::NoGradGuard noGrad;
        EncoderOutput output;
        const auto states = network_->hiddenStates(pixels, request.attentionLayers, output.attention);
        const auto split = [&](const at::Tensor& state) {
            return LayerOutput{nn::mapFromTokens(state.slice(1, 1), grid_, grid_), state.slice(1, 0, 1)};
        };
        const LayerOutput last = split(states.back());
        output.features = last.features;
        output.summary = last.prefix.select(1, 0);
        for (const int64_t layer : request.layers)
            output.layers.push_back(split(states[size_t(layer)]));
        return output;
    }
    Result<at::Tensor> classify(const at::Tensor& pixels) const override {
        VITRINE_TRY(const EncoderOutput output, encode(pixels, {}));
        return network_->logits(output.summary);
    }
    Json defaultPreprocessor() const override {
        return {{"image_processor_type", "ViTImageProcessor"},
                {"do_resize", true},
                {"size", {{"height", info_.preferredHeight}, {"width", info_.preferredWidth}}},
                {"resample", 3},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {0.4914, 0.4822, 0.4465}},
                {"image_std", {0.2023, 0.1994, 0.2010}}};
    }
    Result<TensorMap> runCall(const ModelCall& call) const override {
        const auto pixels = call.inputs.find("pixel_values");
        if (pixels == call.inputs.end())
            return fail(ErrorCode::Unsupported, "this family computes from pixel_values only", call.id);
        VITRINE_TRY(const EncoderOutput output, encode(pixels->second, {}));
        return TensorMap{{"features", output.features},
                         {"summary", output.summary},
                         {"logits", network_->logits(output.summary)}};
    }

  private:
    std::shared_ptr<VitCifar> network_;
    EncoderInfo info_;
    int64_t grid_ = 0;
};

Result<VitCifarSizes> sizesFrom(const ModelFolder& folder) {
    const auto shape = [&](const char* name) { return folder.weights->find(name)->shape; };
    for (const char* needed :
         {"pos_embed", "patch_embed.proj.weight", "mlp_head.1.weight", "transformer.layers.0.linear1.weight"})
        if (!folder.weights->find(needed))
            return fail(ErrorCode::NotFound, fmt::format("the tensor \"{}\" is missing", needed));
    VitCifarSizes sizes;
    sizes.positionCount = shape("pos_embed").at(1);
    sizes.width = shape("patch_embed.proj.weight").at(0);
    sizes.patchSize = shape("patch_embed.proj.weight").at(3);
    sizes.classCount = shape("mlp_head.1.weight").at(0);
    sizes.depth = 0;
    while (folder.weights->find(fmt::format("transformer.layers.{}.linear1.weight", sizes.depth)))
        ++sizes.depth;
    VITRINE_TRY(sizes.headCount, jsonValueOr<int64_t>(folder.config, "num_attention_heads",
                                                      std::max<int64_t>(1, sizes.width / 16), "config.json"));
    if (sizes.headCount < 1 || sizes.width % sizes.headCount)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} heads do not divide the width {}", sizes.headCount, sizes.width),
                    "config.json: num_attention_heads");
    VITRINE_TRY(sizes.tokens, nn::TokenReductionSettings::fromConfig(folder.config));
    for (int64_t layer = 0; layer < sizes.depth; ++layer) {
        const std::string name = fmt::format("transformer.layers.{}.", layer);
        const TensorInfo* packed = folder.weights->find(name + "self_attn.in_proj_weight");
        const TensorInfo* hidden = folder.weights->find(name + "linear1.weight");
        if (!packed || packed->shape.empty() || packed->shape[0] % (3 * sizes.headWidth()) != 0)
            return fail(
                ErrorCode::InvalidFile,
                fmt::format("queries, keys and values of heads {} wide were expected", sizes.headWidth()),
                name + "self_attn.in_proj_weight");
        sizes.layers.push_back({packed->shape[0] / (3 * sizes.headWidth()), hidden->shape.at(0)});
    }
    return sizes;
}

}  // namespace

ModelFamily vitCifarFamily() {
    return {"vit_cifar", "ViT of torch's post-norm encoder layers for 32x32 pictures",
            [](const ModelFolder& folder) {
                return folder.weights &&
                       folder.weights->find("transformer.layers.0.self_attn.in_proj_weight") &&
                       folder.weights->find("patch_embed.proj.weight");
            },
            [](const ModelFolder& folder, const LoadOptions& options) -> Result<std::unique_ptr<Model>> {
                VITRINE_TRY(const VitCifarSizes sizes, sizesFrom(folder));
                auto network = std::make_shared<VitCifar>(sizes);
                VITRINE_TRY([[maybe_unused]] const LoadReport report,
                            loadWeights(*network, *folder.weights, options));
                network->eval();
                return std::make_unique<VitCifarModel>(network);
            }};
}

}  // namespace vitrine
