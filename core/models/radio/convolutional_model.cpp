#include "core/models/radio/convolutional_model.h"

#include "core/models/encoder_checks.h"
#include "core/nn/functional.h"

namespace vitrine {

ConvolutionalRadioModel::ConvolutionalRadioModel(std::shared_ptr<ConvolutionalRadioModule> module,
                                                 const std::string& name)
    : module_(std::move(module)) {
    module_->eval();
    const ConvolutionalRadioConfig& config = module_->config();
    info_.family = "radio";
    info_.name = config.version.empty() ? name : config.version;
    info_.patchSize = config.patchSize;
    info_.sizeMultiple = config.sizeMultiple();
    info_.preferredHeight = info_.preferredWidth = config.preferredSide;
    info_.maxSide = config.maxSide;
    info_.layerCount = int64_t(config.blocks.size()) + 2;
    info_.featureWidth = config.neckWidth;
    info_.summaryWidth = config.headWidth;
    for (const at::Tensor& parameter : module_->parameters())
        info_.parameterCount += parameter.numel();
    info_.normalizesItself = true;
    for (const RadioAdaptorConfig& adaptor : config.adaptors)
        info_.adaptors.push_back(adaptor.name);
}

Result<EncoderOutput> ConvolutionalRadioModel::encode(const at::Tensor& pixels,
                                                      const EncodeRequest& request) const {
    VITRINE_TRY_VOID(checkPixels(info_, pixels));
    VITRINE_TRY_VOID(checkRequest(info_, request));
    const at::NoGradGuard noGrad;
    const ConvolutionalRadioModule::Maps maps = module_->forward(pixels);
    EncoderOutput output;
    output.features = maps.features;
    output.summary = maps.summary;
    for (const int64_t layer : request.layers)
        output.layers.push_back(
            {size_t(layer) < maps.levels.size() ? maps.levels[size_t(layer)] : maps.features, {}});
    const int64_t height = maps.features.size(2), width = maps.features.size(3);
    for (const std::string& name : request.adaptors) {
        const Adaptor& adaptor = *module_->adaptor(name);
        const at::Tensor features = adaptor.features(nn::tokensFromMap(maps.features), height, width);
        output.adaptors[name] = {adaptor.summary(maps.summary),
                                 features.defined() ? nn::mapFromTokens(features, height * adaptor.upsample(),
                                                                        width * adaptor.upsample())
                                                    : at::Tensor()};
    }
    return output;
}

Result<TensorMap> ConvolutionalRadioModel::runCall(const ModelCall& call) const {
    const auto pixels = call.inputs.find("pixel_values");
    if (pixels == call.inputs.end())
        return fail(ErrorCode::Unsupported, "the call has no input \"pixel_values\"", call.id);
    EncodeRequest request;
    request.adaptors = info_.adaptors;
    VITRINE_TRY(const EncoderOutput output, encode(pixels->second, request));
    TensorMap results{{"summary", output.summary}, {"features", nn::tokensFromMap(output.features)}};
    for (const auto& [name, adaptor] : output.adaptors) {
        if (adaptor.summary.defined())
            results[name + ".summary"] = adaptor.summary;
        if (adaptor.features.defined())
            results[name + ".features"] = nn::tokensFromMap(adaptor.features);
    }
    return results;
}

Result<std::unique_ptr<Model>> loadConvolutionalRadio(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(const ConvolutionalRadioConfig config,
                readConvolutionalRadio(folder.config, *folder.weights));
    const auto module = std::make_shared<ConvolutionalRadioModule>(config);
    VITRINE_TRY_VOID(loadWeights(*module, *folder.weights, options));
    return std::make_unique<ConvolutionalRadioModel>(module, folder.path.filename().string());
}

}  // namespace vitrine
