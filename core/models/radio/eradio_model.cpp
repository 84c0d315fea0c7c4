#include "core/models/radio/eradio_model.h"

#include "core/models/encoder_checks.h"
#include "core/models/radio/map_adaptors.h"
#include "core/nn/functional.h"
#include "core/nn/weights.h"

#include <charconv>

namespace vitrine {

EradioModel::EradioModel(std::shared_ptr<EradioModule> module, const std::string& name)
    : module_(std::move(module)) {
    module_->eval();
    const EradioConfig& config = module_->config();
    info_.family = "radio";
    info_.name = config.version.empty() ? name : config.version;
    info_.patchSize = config.patchSize;
    info_.sizeMultiple = config.sizeMultiple();
    info_.preferredHeight = config.preferredHeight;
    info_.preferredWidth = config.preferredWidth;
    info_.maxSide = config.maxSide;
    info_.layerCount = int64_t(config.levels.size());
    info_.featureWidth = info_.summaryWidth = config.featureWidth();
    for (const at::Tensor& parameter : module_->parameters())
        info_.parameterCount += parameter.numel();
    info_.normalizesItself = true;
    for (const RadioAdaptorConfig& adaptor : config.adaptors)
        info_.adaptors.push_back(adaptor.name);
}

Result<EncoderOutput> EradioModel::encode(const at::Tensor& pixels, const EncodeRequest& request) const {
    VITRINE_TRY_VOID(checkPixels(info_, pixels));
    VITRINE_TRY_VOID(checkRequest(info_, request));
    constexpr int64_t kLargestWindow = 64;
    if (request.windowSize.value_or(0) > kLargestWindow)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a window of {} patches a side", *request.windowSize), "windowSize",
                    fmt::format("At most {}", kLargestWindow));
    const at::NoGradGuard noGrad;
    const EradioModule::Maps maps = module_->forward(pixels, request.windowSize.value_or(0));
    EncoderOutput output;
    output.features = maps.features;
    output.summary = maps.features.flatten(2).mean(2);
    for (const int64_t layer : request.layers)
        output.layers.push_back({maps.levels[size_t(layer)], {}});
    for (const std::string& name : request.adaptors)
        output.adaptors[name] = adaptMaps(*module_->adaptor(name), output.summary, output.features);
    return output;
}

Result<TensorMap> EradioModel::runCall(const ModelCall& call) const {
    const auto pixels = call.inputs.find("pixel_values");
    if (pixels == call.inputs.end())
        return fail(ErrorCode::Unsupported, "the call has no input \"pixel_values\"", call.id);
    VITRINE_TRY_VOID(checkPixels(info_, pixels->second));
    const at::NoGradGuard noGrad;
    const EradioModule::Maps maps = module_->forward(pixels->second);
    const at::Tensor tokens = nn::tokensFromMap(maps.features);
    TensorMap results;
    for (const std::string& output : call.outputs) {
        size_t level = 0;
        const bool isLevel = output.rfind("level", 0) == 0 &&
                             std::from_chars(output.data() + 5, output.data() + output.size(), level).ptr ==
                                 output.data() + output.size() &&
                             level + 1 < maps.levels.size();
        if (output == "summary")
            results[output] = tokens.mean(1);
        else if (output == "features")
            results[output] = tokens;
        else if (output == "patch_embed")
            results[output] = maps.levels[0];
        else if (isLevel)
            results[output] = maps.levels[level + 1];
        else
            return fail(ErrorCode::Unsupported, fmt::format("the model does not compute \"{}\"", output),
                        call.id);
    }
    return results;
}

Result<std::unique_ptr<Model>> loadEradio(const ModelFolder& folder, const LoadOptions& options) {
    const TensorSource& source = *folder.weights;
    const auto trunk = findEradioTrunk(source);
    if (!trunk)
        return fail(ErrorCode::NotFound, "the checkpoint holds no E-RADIO stem", folder.path.string());
    VITRINE_TRY(const EradioConfig config, readEradioConfig(folder.config, source, *trunk));
    const auto module = std::make_shared<EradioModule>(config);
    std::map<std::string, at::Tensor> initial;  // tables and conditioning values that a file may leave out
    for (const auto& entry : module->named_buffers())
        if (entry.key().find("relative_") != std::string::npos ||
            entry.key().find("input_conditioner.") != std::string::npos)
            initial[entry.key()] = entry.value();
    constexpr std::string_view publicRoot = "radio_model.", publicTrunk = "radio_model.model.";
    const bool hub = !isPublicEradio(*trunk);
    LoadRules rules;
    rules.storedName = [&](const std::string& name) {
        if (!hub)
            return name;
        if (name.rfind(publicTrunk, 0) == 0)
            return *trunk + name.substr(publicTrunk.size());
        return trunk->substr(0, trunk->size() - std::string_view("base_model.").size()) +
               name.substr(publicRoot.size());
    };
    rules.derive = [&](const std::string& name, const TensorSource&) -> Result<at::Tensor> {
        const auto it = initial.find(name);
        return it == initial.end() ? at::Tensor() : it->second;
    };
    VITRINE_TRY_VOID(loadWeights(*module, source, options, rules));
    return std::make_unique<EradioModel>(module, folder.path.filename().string());
}

}  // namespace vitrine
