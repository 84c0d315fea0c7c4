#include "core/models/mambavision/mamba_vision.h"

#include "core/models/encoder_checks.h"
#include "core/models/radio/map_adaptors.h"
#include "core/models/tower_outputs.h"

namespace vitrine {
namespace {

using namespace mambavision;

constexpr int64_t kStride = 32, kLargestWindow = 512;

class MambaVisionModel : public Model, public VisionEncoder, public ImageClassifier {
  public:
    MambaVisionModel(const MambaVisionConfig& config, std::string name)
        : network_(std::make_shared<MambaVisionNetwork>(config)) {
        network_->eval();
        info_.family = "mambavision";
        info_.name = std::move(name);
        info_.patchSize = info_.sizeMultiple = kStride;
        info_.preferredHeight = info_.preferredWidth = config.imageSide;
        info_.layerCount = int64_t(kLevels);
        info_.featureWidth = info_.summaryWidth = config.widthOf(kLevels - 1);
        info_.parameterCount = countParameters(*network_);
        for (const RadioAdaptorConfig& adaptor : config.adaptors)
            info_.adaptors.push_back(adaptor.name);
        anySize_ = info_;
        anySize_.sizeMultiple = 1;
    }

    std::string family() const override { return info_.family; }
    const VisionEncoder* encoder() const override { return this; }
    const ImageClassifier* classifier() const override {
        return network_->config().classCount > 0 ? this : nullptr;
    }
    torch::nn::Module* module() override { return network_.get(); }
    const EncoderInfo& info() const override { return info_; }
    Json defaultPreprocessor() const override { return network_->config().preprocessor(); }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(anySize_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        const int64_t window = request.windowSize.value_or(0);
        if (window > kLargestWindow)
            return fail(ErrorCode::InvalidArgument, fmt::format("a window of {} tokens a side", window),
                        "windowSize", fmt::format("At most {}", kLargestWindow));
        const at::NoGradGuard noGrad;
        const MambaVisionMaps maps = network_->forward(
            pixels, window > 0 ? std::optional(TokenWindows{window, (window + 1) / 2}) : std::nullopt);
        EncoderOutput output;
        output.features = maps.features;
        output.summary = maps.features.mean({2, 3});
        for (const int64_t layer : request.layers)
            output.layers.push_back({layer == 0 ? maps.stem : maps.stages[size_t(layer - 1)], {}});
        for (const std::string& name : request.adaptors)
            output.adaptors[name] = adaptMaps(*network_->adaptor(name), output.summary, output.features);
        return output;
    }

    Result<at::Tensor> classify(const at::Tensor& pixels) const override {
        VITRINE_TRY(const EncoderOutput output, encode(pixels, {}));
        const at::NoGradGuard noGrad;
        return network_->logits(output.summary);
    }

    Result<TensorMap> runCall(const ModelCall& call) const override {
        const at::Tensor pixels = inputOf(call, {"pixel_values"});
        if (!pixels.defined())
            return fail(ErrorCode::Unsupported, "MambaVision models compute from pixel_values only",
                        "call " + call.id);
        VITRINE_TRY_VOID(checkPixels(anySize_, pixels));
        const at::NoGradGuard noGrad;
        const MambaVisionMaps maps = network_->forward(pixels);
        TensorMap outputs{{"patch_embed", maps.stem},
                          {"mixer_in", maps.firstMixer.first},
                          {"mixer_out", maps.firstMixer.second},
                          {"features", maps.features},
                          {"pooled", maps.features.mean({2, 3})}};
        for (size_t level = 0; level < kLevels; ++level) {
            outputs[fmt::format("stage{}", level)] = maps.stages[level];
            outputs[fmt::format("level{}", level)] = maps.levels[level];
        }
        if (classifier())
            outputs["logits"] = network_->logits(outputs["pooled"]);
        return selectOutputs(call, outputs);
    }

  private:
    std::shared_ptr<MambaVisionNetwork> network_;
    EncoderInfo info_, anySize_;
};

Result<std::unique_ptr<MambaVisionModel>> build(const ModelFolder& folder) {
    const std::string name = folder.path.filename().string();
    const auto prefix = folder.weights ? storedPrefix(*folder.weights) : std::nullopt;
    MambaVisionConfig config;
    if (folder.config.empty() && prefix) {
        VITRINE_TRY(config, configFromTensors(*folder.weights, *prefix, name));
    } else {
        VITRINE_TRY(config, mambaVisionConfigFrom(folder.config, "config.json"));
    }
    if (prefix) {
        // Configurations of backbones list classes too.
        const TensorInfo* head = folder.weights->find(*prefix + "head.weight");
        config.classCount = head && head->shape.size() == 2 ? head->shape[0] : 0;
        const int64_t width = config.widthOf(kLevels - 1);
        VITRINE_TRY(config.adaptors, readMapAdaptors(folder.config, *folder.weights, *prefix, width, width));
    }
    return std::make_unique<MambaVisionModel>(config, name);
}

// Loaders that rename everything with "gamma" in its name left other names in some files.
Result<at::Tensor> renamedScale(const std::string& name, const TensorSource& source,
                                const std::string& prefix, const LoadOptions& options) {
    const size_t at = name.rfind("gamma");
    if (at == std::string::npos)
        return at::Tensor();
    for (const char* other : {"grandma", "weight"}) {
        const std::string renamed = prefix + name.substr(0, at) + other + name.substr(at + 5);
        if (source.find(renamed))
            return readTensor(source, renamed, options);
    }
    return at::Tensor();
}

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    const auto prefix = storedPrefix(*folder.weights);
    if (!prefix)
        return fail(ErrorCode::NotFound, "the checkpoint holds no stem and mixers of a MambaVision",
                    folder.path.string());
    VITRINE_TRY(auto model, build(folder));
    LoadRules rules;
    rules.storedName = [&](const std::string& name) { return *prefix + name; };
    rules.derive = [&](const std::string& name, const TensorSource& source) {
        return renamedScale(name, source, *prefix, options);
    };
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options, rules));
    return model;
}

}  // namespace

Result<std::unique_ptr<Model>> createMambaVision(const ModelFolder& folder) {
    VITRINE_TRY(auto model, build(folder));
    return model;
}

ModelFamily mambaVisionFamily() {
    return {"mambavision", "MambaVision: convolution levels, then Mamba mixers and attention in windows",
            [](const ModelFolder& folder) {
                return folder.modelType() == "mambavision" ||
                       (folder.config.empty() && folder.weights && storedPrefix(*folder.weights));
            },
            load};
}

}  // namespace vitrine
