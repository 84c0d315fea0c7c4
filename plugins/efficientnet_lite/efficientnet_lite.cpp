#include "core/models/efficientnet/network.h"
#include "core/models/encoder_checks.h"
#include "core/models/model.h"
#include "core/plugins/plugin_api.h"

namespace vitrine {
namespace {

using efficientnet::BlockShape;
using efficientnet::Network;

constexpr int64_t kStride = 32;  // of the last feature map, in pixels

class EfficientNetModel : public Model, public VisionEncoder, public ImageClassifier {
  public:
    EfficientNetModel(std::shared_ptr<Network> network, const std::vector<BlockShape>& blocks,
                      int64_t headChannels, int64_t side)
        : network_(std::move(network)) {
        info_.family = "efficientnet_lite";
        info_.name = "EfficientNet-Lite0";
        info_.patchSize = kStride;
        info_.sizeMultiple = kStride;
        info_.preferredHeight = info_.preferredWidth = side;
        info_.layerCount = int64_t(blocks.size()) + 1;
        info_.featureWidth = info_.summaryWidth = headChannels;
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
        // As trained: (x - 127) / 128 on 0..255, short side 256, centre crop.
        const double mean = 127.0 / 255, deviation = 128.0 / 255;
        return {{"image_processor_type", "CLIPImageProcessor"},
                {"do_resize", true},
                {"size", {{"shortest_edge", 256}}},
                {"resample", 3},
                {"do_center_crop", true},
                {"crop_size", {{"height", info_.preferredHeight}, {"width", info_.preferredWidth}}},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {mean, mean, mean}},
                {"image_std", {deviation, deviation, deviation}}};
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
    std::shared_ptr<Network> network_;
    EncoderInfo info_;
};

bool recognizes(const ModelFolder& folder) {
    return folder.weights && folder.weights->find("_conv_stem.weight") &&
           folder.weights->find("_blocks.1._expand_conv.weight") &&
           !folder.weights->find("_blocks.0._se_reduce.weight");
}

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    const TensorSource& weights = *folder.weights;
    for (const char* needed : {"_conv_head.weight", "_fc.weight"})
        if (!weights.find(needed))
            return fail(ErrorCode::NotFound, fmt::format("the tensor \"{}\" is missing", needed));
    VITRINE_TRY(const auto blocks, efficientnet::blockShapes(weights));
    const int64_t headChannels = weights.find("_conv_head.weight")->shape.at(0);
    VITRINE_TRY(const int64_t side, jsonValueOr<int64_t>(folder.config, "image_size", 224, "config.json"));
    auto network = std::make_shared<Network>(blocks, weights.find("_conv_stem.weight")->shape.at(0),
                                             headChannels, weights.find("_fc.weight")->shape.at(0));
    VITRINE_TRY([[maybe_unused]] const LoadReport report, loadWeights(*network, weights, options));
    network->eval();
    return std::make_unique<EfficientNetModel>(network, blocks, headChannels, side);
}

}  // namespace
}  // namespace vitrine

extern "C" int vitrinePluginApiVersion() {
    return vitrine::kPluginApiVersion;
}

extern "C" void vitrineRegisterPlugin(vitrine::PluginHost& host) {
    host.addModelFamily(
        {"efficientnet_lite", "EfficientNet-Lite0 (ImageNet)", vitrine::recognizes, vitrine::load});
}
