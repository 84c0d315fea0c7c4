// Maps whose upsampler is a trained one, or is fitted to each picture before the map is made.
#include "core/base/cache_folder.h"
#include "core/base/stopwatch.h"
#include "core/engine/map_maker.h"

namespace vitrine {

Result<const StoredModel*> MapMaker::beginFit(MapRequest& request, const StoredModel* model) {
    work_.fitName = request.source.trainedUpsampler;
    if (request.kind == MapKind::Image || request.kind == MapKind::ModelInput) {
        request.source.trainedUpsampler.clear();
        return model;
    }
    VITRINE_TRY(request.source, fitted(request.source, *model));
    return models_.find(request.source.modelId);
}

Result<FeatureSource> MapMaker::fitted(FeatureSource source, const StoredModel& model) {
    if (work_.fitName.empty())
        return source;
    if (source.layer >= 0 || !source.adaptor.empty())
        return fail(ErrorCode::Unsupported,
                    "the final features are fitted, not those of a layer or an adaptor", work_.fitName,
                    "Choose the final features or another upsampler");
    FeatureSource plain = source;
    plain.trainedUpsampler.clear();
    const std::string key = fmt::format("{}|{}|{}|{}|{}", fileStamp(source.imagePath), source.modelId,
                                        source.resolution, source.square, work_.fitName);
    KeptFit& kept = fits_[key];
    std::error_code problem;
    if (!kept.file.empty() && std::filesystem::exists(kept.file, problem)) {
        markUsed(kept.file);
    } else {
        const Stopwatch watch(work_.upsamplingSeconds);
        VITRINE_TRY(const ImplicitOptions options, implicitOptionsFrom(work_.fitName));
        VITRINE_TRY(const at::Tensor picture, pictures_.modelInput(model, plain));
        ImplicitEncoder encoder = implicitEncoderOf(model);
        // Asked for anew each time: maps that are made meanwhile may unload the model.
        encoder.features = [this, id = source.modelId](const at::Tensor& views) -> Result<at::Tensor> {
            VITRINE_TRY(const StoredModel* now, models_.find(id));
            VITRINE_TRY(const EncoderOutput output, now->model->encoder()->encode(views, {}));
            return output.features;
        };
        VITRINE_TRY(kept, implicitFit(model, std::move(encoder), picture, options, *work_.job));
        work_.encodedNow |= kept.fittedNow;
    }
    if (work_.fit.is_null())
        work_.fit = {{"upsampler", work_.fitName},
                     {"file", kept.file.string()},
                     {"seconds", kept.seconds()},
                     {"report", kept.report}};
    source.trainedUpsampler = kept.file.string();
    return source;
}

Result<EncodedPicture> MapMaker::featuresOf(const StoredModel& model, const FeatureSource& source) {
    std::optional<Stopwatch> watch;
    if (!source.trainedUpsampler.empty())
        watch.emplace(work_.upsamplingSeconds);
    return pictures_.features(model, source);
}

}  // namespace vitrine
