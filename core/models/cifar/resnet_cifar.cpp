#include "core/models/cifar/resnet_cifar.h"

#include "core/models/encoder_checks.h"
#include "core/nn/layers.h"

namespace vitrine {
namespace {

constexpr double kBatchNormEpsilon = 1e-5;

nn::ConvOptions conv3x3(int64_t stride) {
    return {.kernelHeight = 3, .kernelWidth = 3, .stride = stride, .padding = 1, .bias = false};
}

class BasicBlock : public torch::nn::Module {
  public:
    BasicBlock(int64_t inChannels, int64_t innerChannels, int64_t outChannels, int64_t stride)
        : stride_(stride), addedChannels_(outChannels - inChannels) {
        conv1_ = register_module("conv1",
                                 std::make_shared<nn::Conv2d>(inChannels, innerChannels, conv3x3(stride)));
        bn1_ = register_module("bn1", std::make_shared<nn::BatchNorm>(innerChannels, kBatchNormEpsilon));
        conv2_ =
            register_module("conv2", std::make_shared<nn::Conv2d>(innerChannels, outChannels, conv3x3(1)));
        bn2_ = register_module("bn2", std::make_shared<nn::BatchNorm>(outChannels, kBatchNormEpsilon));
    }
    at::Tensor forward(const at::Tensor& x) const {
        const at::Tensor residual =
            bn2_->forward(conv2_->forward(at::relu(bn1_->forward(conv1_->forward(x)))));
        return at::relu(residual + shortcut(x));
    }

  private:
    // Option A: subsample, then pad the channels with zeros on both sides.
    at::Tensor shortcut(const at::Tensor& x) const {
        if (stride_ == 1 && addedChannels_ == 0)
            return x;
        const at::Tensor fewer = x.slice(2, 0, std::nullopt, stride_).slice(3, 0, std::nullopt, stride_);
        return at::constant_pad_nd(fewer,
                                   {0, 0, 0, 0, addedChannels_ / 2, addedChannels_ - addedChannels_ / 2});
    }

    int64_t stride_, addedChannels_;
    std::shared_ptr<nn::Conv2d> conv1_, conv2_;
    std::shared_ptr<nn::BatchNorm> bn1_, bn2_;
};

struct ResNetSizes {
    int64_t width = 16;  // channels of the first stage; the others have 2 and 4 times as many
    int64_t blocksPerStage = 3, classCount = 10;
    std::vector<int64_t> innerChannels;  // of each block: fewer than the stage's where some were cut out
};

class ResNetCifar : public torch::nn::Module {
  public:
    explicit ResNetCifar(const ResNetSizes& sizes) : width(sizes.width) {
        conv1_ = register_module("conv1", std::make_shared<nn::Conv2d>(3, width, conv3x3(1)));
        bn1_ = register_module("bn1", std::make_shared<nn::BatchNorm>(width, kBatchNormEpsilon));
        int64_t inChannels = width;
        for (int64_t stage = 0; stage < 3; ++stage) {
            auto layer =
                register_module(fmt::format("layer{}", stage + 1), std::make_shared<torch::nn::Module>());
            for (int64_t index = 0; index < sizes.blocksPerStage; ++index) {
                const int64_t outChannels = width << stage;
                blocks_.push_back(layer->register_module(
                    std::to_string(index),
                    std::make_shared<BasicBlock>(inChannels, sizes.innerChannels[blocks_.size()], outChannels,
                                                 stage > 0 && index == 0 ? 2 : 1)));
                inChannels = outChannels;
            }
        }
        linear_ = register_module("linear", std::make_shared<nn::Linear>(inChannels, sizes.classCount));
    }

    // Outputs after the stem and after every block.
    std::vector<at::Tensor> maps(const at::Tensor& pixels) const {
        std::vector<at::Tensor> maps{at::relu(bn1_->forward(conv1_->forward(pixels)))};
        for (const auto& block : blocks_)
            maps.push_back(block->forward(maps.back()));
        return maps;
    }
    at::Tensor logits(const at::Tensor& summary) const { return linear_->forward(summary); }
    int64_t blockCount() const { return int64_t(blocks_.size()); }

    const int64_t width;

  private:
    std::shared_ptr<nn::Conv2d> conv1_;
    std::shared_ptr<nn::BatchNorm> bn1_;
    std::vector<std::shared_ptr<BasicBlock>> blocks_;
    std::shared_ptr<nn::Linear> linear_;
};

class ResNetCifarModel : public Model, public VisionEncoder, public ImageClassifier {
  public:
    ResNetCifarModel(std::shared_ptr<ResNetCifar> network, std::string name) : network_(std::move(network)) {
        info_.family = "resnet_cifar";
        info_.name = std::move(name);
        info_.patchSize = 4;
        info_.sizeMultiple = 4;
        info_.preferredHeight = info_.preferredWidth = 32;
        info_.layerCount = network_->blockCount();
        info_.featureWidth = info_.summaryWidth = 4 * network_->width;
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
        at::NoGradGuard noGrad;
        const std::vector<at::Tensor> maps = network_->maps(pixels);
        EncoderOutput output;
        output.features = maps.back();
        output.summary = maps.back().mean({2, 3});
        for (const int64_t layer : request.layers)
            output.layers.push_back({maps[size_t(layer)], {}});
        return output;
    }
    Result<at::Tensor> classify(const at::Tensor& pixels) const override {
        VITRINE_TRY(const EncoderOutput output, encode(pixels, {}));
        return network_->logits(output.summary);
    }
    Json defaultPreprocessor() const override {
        return {{"image_processor_type", "ViTImageProcessor"},
                {"do_resize", true},
                {"size", {{"height", 32}, {"width", 32}}},
                {"resample", 3},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {0.485, 0.456, 0.406}},
                {"image_std", {0.229, 0.224, 0.225}}};
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
    std::shared_ptr<ResNetCifar> network_;
    EncoderInfo info_;
};

Result<ResNetSizes> sizesFrom(const ModelFolder& folder) {
    ResNetSizes sizes;
    const TensorInfo* stem = folder.weights->find("conv1.weight");
    if (!stem || stem->shape.empty())
        return fail(ErrorCode::NotFound, "the tensor \"conv1.weight\" is missing");
    sizes.width = stem->shape[0];
    sizes.classCount = folder.weights->find("linear.weight")->shape.at(0);
    sizes.blocksPerStage = 0;
    while (folder.weights->find(fmt::format("layer1.{}.conv1.weight", sizes.blocksPerStage)))
        ++sizes.blocksPerStage;
    for (int64_t stage = 0; stage < 3; ++stage)
        for (int64_t block = 0; block < sizes.blocksPerStage; ++block) {
            const TensorInfo* inner =
                folder.weights->find(fmt::format("layer{}.{}.conv1.weight", stage + 1, block));
            sizes.innerChannels.push_back(inner && !inner->shape.empty() ? inner->shape[0]
                                                                         : sizes.width << stage);
        }
    return sizes;
}

}  // namespace

ModelFamily resnetCifarFamily() {
    return {"resnet_cifar", "ResNet-20/32/44/56/110 for 32x32 pictures",
            [](const ModelFolder& folder) {
                return folder.weights && folder.weights->find("layer3.0.conv2.weight") &&
                       folder.weights->find("linear.weight") &&
                       !folder.weights->find("layer4.0.conv1.weight");
            },
            [](const ModelFolder& folder, const LoadOptions& options) -> Result<std::unique_ptr<Model>> {
                VITRINE_TRY(const ResNetSizes sizes, sizesFrom(folder));
                auto network = std::make_shared<ResNetCifar>(sizes);
                VITRINE_TRY([[maybe_unused]] const LoadReport report,
                            loadWeights(*network, *folder.weights, options));
                network->eval();
                return std::make_unique<ResNetCifarModel>(
                    network, fmt::format("ResNet-{}", 6 * sizes.blocksPerStage + 2));
            }};
}

}  // namespace vitrine
