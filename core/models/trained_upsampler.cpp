#include "core/models/trained_upsampler.h"

#include "core/base/check.h"

namespace vitrine {

Result<std::unique_ptr<TrainedUpsampler>> loadTrainedUpsampler(const std::filesystem::path& path,
                                                               const LoadOptions& options) {
    VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
    const auto family = ModelFamilies::instance().recognize(folder);
    if (family && *family != "featsharp" && *family != "featup" && *family != "featup-implicit")
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("this is no upsampler but a model of the family \"{}\"", *family),
                    path.string(),
                    "Known are FeatSharp and FeatUp (JBU) upsamplers, and fits of FeatUp to a picture");
    if (!family)
        return fail(
            ErrorCode::InvalidArgument, "this holds no trained upsampler", path.string(),
            "FeatSharp: config.json names \"upsample_factor\" and \"model_resolution\"; FeatUp: tensors "
            "upsampler.up1.range_temp and so on");
    VITRINE_TRY(std::unique_ptr<Model> model, ModelFamilies::instance().load(folder, options));
    auto* upsampler = dynamic_cast<TrainedUpsampler*>(model.get());
    VITRINE_CHECK(upsampler, "families of upsamplers make upsamplers");
    (void)model.release();
    return std::unique_ptr<TrainedUpsampler>(upsampler);
}

}  // namespace vitrine
