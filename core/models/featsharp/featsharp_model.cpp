#include "core/models/featsharp/featsharp_model.h"

#include "core/models/tower_outputs.h"
#include "core/nn/module_tree.h"

namespace vitrine {

using namespace featsharp;

FeatSharpModel::FeatSharpModel(const FeatSharpConfig& config, std::string name)
    : module_(std::make_shared<torch::nn::Module>("featsharp")),
      network_(*module_, config),
      name_(std::move(name)) {
    if (config.ownFeaturizer) {
        patchWeight_ = nn::parameterAt(*module_, "featurizer.conv.weight",
                                       {config.featureWidth, 3, config.patchSize, config.patchSize});
        patchBias_ = nn::parameterAt(*module_, "featurizer.conv.bias", {config.featureWidth});
    }
}

Result<TensorMap> FeatSharpModel::runCall(const ModelCall& call) const {
    const at::Tensor picture = inputOf(call, {"image", "pixel_values"});
    if (!picture.defined() || !patchWeight_.defined())
        return fail(ErrorCode::Unsupported,
                    "a reference call needs a picture and the folder's own featurizer.conv",
                    "call " + call.id);
    const auto featurizer = [&](const at::Tensor& pictures) -> Result<at::Tensor> {
        return at::tanh(
            at::conv2d(pictures, patchWeight_, patchBias_, {config().patchSize, config().patchSize}));
    };
    VITRINE_TRY(const SharpFeatures features, network_.forward(picture, featurizer, true));
    return selectOutputs(call, {{"low_res", features.coarse},
                                {"high_res", features.fine},
                                {config().guide == Guide::Jafar ? "jafar" : "jbu", features.guided}});
}

Result<void> FeatSharpModel::checkFits(const EncoderInfo& info) const {
    const auto refuse = [&](const std::string& what, int64_t wanted, int64_t found) {
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the upsampler was trained for {} {}, {} has {}", what, wanted, info.name, found),
            name_, "Use it with the encoder it was trained for");
    };
    if (info.featureWidth != config().featureWidth)
        return refuse("a feature width of", config().featureWidth, info.featureWidth);
    if (info.patchSize != config().patchSize)
        return refuse("a patch size of", config().patchSize, info.patchSize);
    if (info.fixedSize && info.preferredHeight != config().modelResolution)
        return refuse("an input side of", config().modelResolution, info.preferredHeight);
    return {};
}

Result<at::Tensor> FeatSharpModel::sharpen(const VisionEncoder& encoder, const at::Tensor& picture) const {
    VITRINE_TRY_VOID(checkFits(encoder.info()));
    at::NoGradGuard noGrad;
    const at::ScalarType encoderType = picture.scalar_type();
    const auto featurizer = [&](const at::Tensor& pictures) -> Result<at::Tensor> {
        VITRINE_TRY(const EncoderOutput output, encoder.encode(pictures.to(encoderType), {}));
        return output.features;
    };
    VITRINE_TRY(const SharpFeatures features, network_.forward(picture.to(at::kFloat), featurizer, false));
    return network_.restored(features.fine);
}

Result<std::unique_ptr<Model>> createFeatSharp(const ModelFolder& folder) {
    VITRINE_TRY(const FeatSharpConfig config, featSharpConfigFrom(folder));
    return std::make_unique<FeatSharpModel>(config, folder.path.filename().string());
}

namespace {

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(auto model, createFeatSharp(folder));
    // What only training needs.
    LoadRules rules;
    rules.ignoredPrefixes = {"downsampler.", "scale_net."};
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options, rules));
    return model;
}

}  // namespace

ModelFamily featSharpFamily() {
    return {"featsharp", "FeatSharp feature upsamplers (joint bilateral or JAFAR guidance, tiles)",
            looksLikeFeatSharp, load};
}

}  // namespace vitrine
