#include "core/models/sam3/sam3_model.h"

#include "core/models/encoder_checks.h"
#include "core/models/sam3/sam3_vision.h"

namespace vitrine {
namespace {

using namespace sam3;

class Sam3Module : public torch::nn::Module {
  public:
    explicit Sam3Module(const VisionSizes& sizes) {
        vision = register_module("vision_encoder", std::make_shared<VisionEncoderModule>(sizes));
    }
    std::shared_ptr<VisionEncoderModule> vision;
};

class Sam3Model : public Model, public VisionEncoder {
  public:
    Sam3Model(std::shared_ptr<Sam3Module> network, const ModelFolder& folder) : network_(std::move(network)) {
        const VisionSizes& sizes = network_->vision->sizes;
        info_.family = "sam3";
        info_.name = folder.path.filename().string();
        info_.patchSize = info_.sizeMultiple = sizes.patchSize;
        info_.preferredHeight = info_.preferredWidth = sizes.imageSize;
        info_.fixedSize = true;  // the rotations of global blocks are of one size
        info_.layerCount = sizes.depth;
        info_.featureWidth = sizes.pyramidWidth;
        for (const at::Tensor& parameter : network_->parameters())
            info_.parameterCount += parameter.numel();
    }

    std::string family() const override { return "sam3"; }
    const VisionEncoder* encoder() const override { return this; }
    torch::nn::Module* module() override { return network_.get(); }
    const EncoderInfo& info() const override { return info_; }

    // Features are the pyramid's level of the ViT's own stride.
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        at::NoGradGuard noGrad;
        const VisionOutput vision = network_->vision->forward(pixels);
        EncoderOutput output;
        output.features = vision.levels[network_->vision->embeddingLevel()];
        output.summary = output.features.mean({2, 3});
        for (const int64_t layer : request.layers)
            output.layers.push_back({vision.states[size_t(layer)].permute({0, 3, 1, 2}), {}});
        return output;
    }

    Json defaultPreprocessor() const override {
        return {{"image_processor_type", "Sam3ImageProcessor"},
                {"do_resize", true},
                {"size", {{"height", info_.preferredHeight}, {"width", info_.preferredWidth}}},
                {"resample", 2},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {0.5, 0.5, 0.5}},
                {"image_std", {0.5, 0.5, 0.5}}};
    }

    // Outputs of the image encoder only.
    Result<TensorMap> runCall(const ModelCall& call) const override {
        const auto pixels = call.inputs.find("pixel_values");
        if (pixels == call.inputs.end())
            return fail(ErrorCode::Unsupported, "computes from pixel_values", call.id);
        VITRINE_TRY_VOID(checkPixels(info_, pixels->second));
        at::NoGradGuard noGrad;
        const VisionOutput vision = network_->vision->forward(pixels->second);
        TensorMap outputs = {{"vision.last_hidden_state", vision.states.back().flatten(1, 2)}};
        for (size_t i = 0; i < vision.states.size(); ++i)
            outputs[fmt::format("vision.hidden_states.{}", i)] = vision.states[i];
        for (size_t i = 0; i < vision.levels.size(); ++i) {
            outputs[fmt::format("vision.fpn.{}", i)] = vision.levels[i];
            outputs[fmt::format("vision.fpn_pos.{}", i)] = vision.positions[i];
        }
        return outputs;
    }

  private:
    std::shared_ptr<Sam3Module> network_;
    EncoderInfo info_;
};

Result<std::unique_ptr<Model>> loadSam3(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(const VisionSizes sizes,
                visionSizesFrom(folder.config.value("vision_config", Json::object())));
    auto network = std::make_shared<Sam3Module>(sizes);
    VITRINE_TRY([[maybe_unused]] const LoadReport report, loadWeights(*network, *folder.weights, options));
    network->eval();
    return std::make_unique<Sam3Model>(network, folder);
}

}  // namespace

ModelFamily sam3Family() {
    return {"sam3", "Segment Anything 3: image encoder",
            [](const ModelFolder& folder) { return folder.weights && folder.modelType() == "sam3"; },
            loadSam3};
}

}  // namespace vitrine
