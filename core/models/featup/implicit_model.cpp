#include "core/models/featup/implicit_model.h"

#include "core/nn/module_tree.h"

namespace vitrine {

using namespace featup;

// Of the encoder's mean features: bfloat16 stays below, other weights do not.
constexpr double kSameEncoder = 0.05;

ImplicitModel::ImplicitModel(const ImplicitFacts& facts, std::string name)
    : facts_(facts),
      name_(std::move(name)),
      module_(std::make_shared<torch::nn::Module>("featup-implicit")),
      network_(module_->register_module("network", std::make_shared<ImplicitNetwork>(facts.network))) {
    basis_.mean = nn::parameterAt(*module_, "basis.mean", {facts.featureWidth});
    basis_.components =
        nn::parameterAt(*module_, "basis.components", {facts.network.outputs, facts.featureWidth});
    basis_.scale = nn::parameterAt(*module_, "basis.scale", {});
    encoderMean_ = nn::parameterAt(*module_, "encoder.mean", {facts.featureWidth});
}

Result<TensorMap> ImplicitModel::runCall(const ModelCall& call) const {
    return fail(ErrorCode::Unsupported, "an upsampler has no reference calls without its encoder",
                "call " + call.id);
}

Result<void> ImplicitModel::checkFits(const EncoderInfo& info) const {
    if (info.featureWidth == facts_.featureWidth && info.patchSize == facts_.patchSize)
        return {};
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("this was fitted to features of {} ({} channels, patches of {} pixels), {} has {} "
                    "channels and patches of {} pixels",
                    facts_.encoderName, facts_.featureWidth, facts_.patchSize, info.name, info.featureWidth,
                    info.patchSize),
        name_, "Use it with the encoder it was fitted to, or fit another one");
}

Result<at::Tensor> ImplicitModel::sharpen(const VisionEncoder& encoder, const at::Tensor& picture) const {
    VITRINE_TRY_VOID(checkFits(encoder.info()));
    const at::NoGradGuard noGrad;
    const at::Tensor pixels = picture.to(at::kFloat);
    if (pixels.size(0) != 1 || pixels.size(2) != facts_.height || pixels.size(3) != facts_.width)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("this was fitted to one picture of {} x {} pixels, the encoder is given {} x {}",
                        facts_.width, facts_.height, pixels.size(3), pixels.size(2)),
            name_, "Choose the resolution it was fitted at, or fit another one");
    if (pictureStamp(pixels) != facts_.picture)
        return fail(ErrorCode::InvalidArgument,
                    "this was fitted to another picture, or the picture has changed", name_,
                    "A fit is good for one picture: fit another one");
    VITRINE_TRY(const EncoderOutput output, encoder.encode(picture, {}));
    const at::Tensor mean = output.features.to(at::kFloat).mean({0, 2, 3});
    const double apart = (mean - encoderMean_).norm().item<double>();
    if (!(apart <= kSameEncoder * encoderMean_.norm().item<double>()))
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("this was fitted to {}, which says something else of the picture than {} does",
                        facts_.encoderName, encoder.info().name),
            name_, "Use it with the encoder it was fitted to, or fit another one");
    return basis_.features(network_->forward(implicitColors(pixels, facts_.cell)));
}

namespace {

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(const ImplicitFacts facts, implicitFactsFrom(folder));
    auto model = std::make_unique<ImplicitModel>(facts, folder.path.stem().string());
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options));
    return model;
}

}  // namespace

ModelFamily featUpImplicitFamily() {
    return {"featup-implicit", "fits of FeatUp's implicit upsampler to one picture (vitrine upsampler fit)",
            looksLikeImplicit, load};
}

}  // namespace vitrine
