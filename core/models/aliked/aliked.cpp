#include "core/models/aliked/aliked.h"

#include "core/models/aliked/deformable_convolution.h"
#include "core/models/encoder_checks.h"
#include "core/nn/layers.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr double kBatchNormEpsilon = 1e-5;
constexpr int64_t kCell = 8;           // pixels a side that the encoder's features stand for
constexpr int64_t kSizeMultiple = 32;  // stride of the last stage
constexpr std::array<int64_t, 4> kStrides{1, 2, 8, 32};

nn::ConvOptions convolution3x3(bool bias) {
    return {.kernelHeight = 3, .kernelWidth = 3, .padding = 1, .bias = bias};
}

// A 3x3 convolution, plain ("weight") or deformable ("offset_conv", "regular_conv").
class Convolution : public torch::nn::Module {
  public:
    Convolution(int64_t in, int64_t out, bool deformable) : deformable_(deformable) {
        if (!deformable) {
            weight_ = register_parameter("weight", at::empty({out, in, 3, 3}));
            return;
        }
        offsets_ = register_module("offset_conv", std::make_shared<nn::Conv2d>(in, 18, convolution3x3(true)));
        regular_ =
            register_module("regular_conv", std::make_shared<nn::Conv2d>(in, out, convolution3x3(false)));
    }
    at::Tensor forward(const at::Tensor& x) const {
        if (!deformable_)
            return at::conv2d(x, weight_, {}, 1, 1);
        const double limit = double(std::max(x.size(2), x.size(3))) / 4;
        return nn::deformableConvolution(x, offsets_->forward(x).clamp(-limit, limit), regular_->weight);
    }

  private:
    bool deformable_;
    at::Tensor weight_;
    std::shared_ptr<nn::Conv2d> offsets_, regular_;
};

struct StageShape {
    int64_t in = 0, out = 0;
    bool deformable = false, residual = true;
};

// Two convolutions; all stages but the first add a projection of what came in.
class Stage : public torch::nn::Module {
  public:
    explicit Stage(const StageShape& shape) {
        conv1_ =
            register_module("conv1", std::make_shared<Convolution>(shape.in, shape.out, shape.deformable));
        norm1_ = register_module("bn1", std::make_shared<nn::BatchNorm>(shape.out, kBatchNormEpsilon));
        conv2_ =
            register_module("conv2", std::make_shared<Convolution>(shape.out, shape.out, shape.deformable));
        norm2_ = register_module("bn2", std::make_shared<nn::BatchNorm>(shape.out, kBatchNormEpsilon));
        if (shape.residual)
            projection_ = register_module(
                "downsample", std::make_shared<nn::Conv2d>(shape.in, shape.out, nn::ConvOptions{}));
    }
    at::Tensor forward(const at::Tensor& x) const {
        const at::Tensor inner = at::selu(norm1_->forward(conv1_->forward(x)));
        const at::Tensor outer = norm2_->forward(conv2_->forward(inner));
        return at::selu(projection_ ? outer + projection_->forward(x) : outer);
    }

  private:
    std::shared_ptr<Convolution> conv1_, conv2_;
    std::shared_ptr<nn::BatchNorm> norm1_, norm2_;
    std::shared_ptr<nn::Conv2d> projection_;
};

class Network : public torch::nn::Module {
  public:
    Network(const std::array<StageShape, 4>& shapes, int64_t width) : width_(width) {
        for (size_t i = 0; i < shapes.size(); ++i) {
            stages_.push_back(
                register_module(fmt::format("block{}", i + 1), std::make_shared<Stage>(shapes[i])));
            gathered_.push_back(register_module(
                fmt::format("conv{}", i + 1),
                std::make_shared<nn::Conv2d>(shapes[i].out, width / 4, nn::ConvOptions{.bias = false})));
        }
    }
    int64_t width() const { return width_; }

    // Outputs of the stages, then unit features of every pixel.
    std::vector<at::Tensor> maps(const at::Tensor& pixels) const {
        const int64_t height = pixels.size(2), width = pixels.size(3);
        std::vector<at::Tensor> maps, gathered;
        at::Tensor x = pixels;
        for (size_t i = 0; i < stages_.size(); ++i) {
            const int64_t smaller = i == 0 ? 1 : kStrides[i] / kStrides[i - 1];
            x = stages_[i]->forward(smaller > 1 ? at::avg_pool2d(x, {smaller, smaller}) : x);
            maps.push_back(x);
            const at::Tensor part = at::selu(gathered_[i]->forward(x));
            gathered.push_back(i == 0 ? part : at::upsample_bilinear2d(part, {height, width}, true));
        }
        const at::Tensor all = at::cat(gathered, 1);
        maps.push_back(all / all.norm(2, 1, true).clamp_min(1e-12));
        return maps;
    }

  private:
    int64_t width_;
    std::vector<std::shared_ptr<Stage>> stages_;
    std::vector<std::shared_ptr<nn::Conv2d>> gathered_;
};

class AlikedModel : public Model, public VisionEncoder {
  public:
    AlikedModel(std::shared_ptr<Network> network, std::string name) : network_(std::move(network)) {
        info_.family = "aliked";
        info_.name = std::move(name);
        info_.patchSize = kCell;
        info_.sizeMultiple = kSizeMultiple;
        info_.preferredHeight = info_.preferredWidth = 480;
        info_.layerCount = int64_t(kStrides.size());
        info_.featureWidth = network_->width();
        for (const at::Tensor& parameter : network_->parameters())
            info_.parameterCount += parameter.numel();
    }

    std::string family() const override { return info_.family; }
    const VisionEncoder* encoder() const override { return this; }
    torch::nn::Module* module() override { return network_.get(); }
    const EncoderInfo& info() const override { return info_; }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        const at::NoGradGuard noGrad;
        const std::vector<at::Tensor> maps = network_->maps(pixels);
        EncoderOutput output;
        output.features = at::avg_pool2d(maps.back(), {kCell, kCell});
        for (const int64_t layer : request.layers)
            output.layers.push_back({maps[size_t(layer)], {}});
        return output;
    }
    Json defaultPreprocessor() const override {
        return {{"image_processor_type", "CLIPImageProcessor"},
                {"do_resize", true},
                {"size", {{"shortest_edge", info_.preferredHeight}}},
                {"resample", 2},
                {"do_center_crop", false},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", false}};
    }
    Result<TensorMap> runCall(const ModelCall& call) const override {
        const auto pixels = call.inputs.find("pixel_values");
        if (pixels == call.inputs.end())
            return fail(ErrorCode::Unsupported, "this family computes from pixel_values only", call.id);
        EncodeRequest request;
        request.layers = {2, 3, 4};
        VITRINE_TRY(const EncoderOutput output, encode(pixels->second, request));
        return TensorMap{{"features", output.features},
                         {"stage3", output.layers[0].features},
                         {"stage4", output.layers[1].features},
                         {"dense", output.layers[2].features}};
    }

  private:
    std::shared_ptr<Network> network_;
    EncoderInfo info_;
};

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    const TensorSource& weights = *folder.weights;
    std::array<StageShape, 4> shapes;
    int64_t in = 3, width = 0;
    for (size_t i = 0; i < shapes.size(); ++i) {
        const std::string name = fmt::format("block{}.bn1.weight", i + 1);
        const TensorInfo* norm = weights.find(name);
        const TensorInfo* gathered = weights.find(fmt::format("conv{}.weight", i + 1));
        if (!norm || !gathered || norm->shape.size() != 1 || gathered->shape.size() != 4)
            return fail(ErrorCode::NotFound, fmt::format("the tensor \"{}\" is missing", name));
        const bool deformable = weights.find(fmt::format("block{}.conv1.offset_conv.weight", i + 1));
        shapes[i] = {in, norm->shape[0], deformable, i > 0};
        in = norm->shape[0];
        width = 4 * gathered->shape[0];
    }
    auto network = std::make_shared<Network>(shapes, width);
    VITRINE_TRY([[maybe_unused]] const LoadReport report, loadWeights(*network, weights, options));
    network->eval();
    return std::make_unique<AlikedModel>(network, fmt::format("ALIKED-{}d", width));
}

}  // namespace

ModelFamily alikedFamily() {
    const auto recognizes = [](const ModelFolder& folder) {
        return folder.weights && folder.weights->find("block3.conv1.offset_conv.weight") &&
               folder.weights->find("desc_head.agg_weights");
    };
    return {"aliked", "ALIKED dense local features", recognizes, load};
}

}  // namespace vitrine
