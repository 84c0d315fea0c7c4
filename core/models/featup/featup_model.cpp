#include "core/models/featup/featup_model.h"

#include "core/nn/functional.h"

namespace vitrine {

using namespace featup;

FeatUpModel::FeatUpModel(const FeatUpConfig& config, std::string name)
    : module_(std::make_shared<torch::nn::Module>("featup")),
      network_(*module_, config),
      name_(std::move(name)) {}

Result<TensorMap> FeatUpModel::runCall(const ModelCall& call) const {
    return fail(ErrorCode::Unsupported, "an upsampler has no reference calls without its encoder",
                "call " + call.id);
}

int64_t FeatUpModel::cellPixels(const EncoderInfo& info) const {
    const int64_t factor = network_.config().factor();
    return info.patchSize % factor == 0 ? info.patchSize / factor : 1;
}

Result<void> FeatUpModel::checkFits(const EncoderInfo& info) const {
    const FeatUpConfig& config = network_.config();
    const auto refuse = [&](const char* what, int64_t wanted, int64_t found) {
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the upsampler was trained for {} {}, {} has {}", what, wanted, info.name, found),
            name_, "Use it with the encoder it was trained for");
    };
    if (info.featureWidth != config.featureWidth)
        return refuse("a feature width of", config.featureWidth, info.featureWidth);
    if (config.patchSize > 0 && info.patchSize != config.patchSize)
        return refuse("a patch size of", config.patchSize, info.patchSize);
    return {};
}

Result<at::Tensor> FeatUpModel::sharpen(const VisionEncoder& encoder, const at::Tensor& picture) const {
    VITRINE_TRY_VOID(checkFits(encoder.info()));
    at::NoGradGuard noGrad;
    VITRINE_TRY(const EncoderOutput output, encoder.encode(picture, {}));
    const at::Tensor fine =
        network_.forward(network_.prepared(output.features.to(at::kFloat)), picture.to(at::kFloat));
    const int64_t cell = cellPixels(encoder.info());
    return nn::resizeMap(fine, picture.size(2) / cell, picture.size(3) / cell, "bilinear");
}

namespace {

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(const FeatUpConfig config, featUpConfigFrom(folder));
    // "dinov2_jbu_stack_cocostuff.ckpt" is known by its own name.
    const std::string name =
        folder.path.has_extension() ? folder.path.stem().string() : folder.path.filename().string();
    auto model = std::make_unique<FeatUpModel>(config, name);
    LoadRules rules;
    rules.storedName = [prefix = config.prefix](const std::string& parameter) { return prefix + parameter; };
    // The encoder, what only training needs, and the trainer's own state are left over.
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options, rules));
    return model;
}

}  // namespace

ModelFamily featUpFamily() {
    return {"featup", "FeatUp feature upsamplers (joint bilateral stack; released .ckpt files)",
            looksLikeFeatUp, load};
}

}  // namespace vitrine
