#include "core/engine/upsampler_ways.h"

#include "core/engine/implicit_fits.h"
#include "core/engine/map_names.h"
#include "core/features/upsample.h"
#include "core/features/upsampler_registry.h"
#include "core/models/trained_upsampler.h"
#include "core/nn/functional.h"

#include <algorithm>

namespace vitrine {
namespace {

// RGB in [0, 1] at the size of the result.
at::Tensor guidanceOf(const UpsamplerQuestion& question, const StoredModel& model) {
    at::Tensor colors = question.large.to(at::kCPU, at::kFloat);
    if (!model.description.info.normalizesItself && model.preprocess.normalize) {
        const auto perChannel = [](const auto& values) {
            return at::tensor(std::vector<double>(values.begin(), values.end()), at::kFloat)
                .view({1, -1, 1, 1});
        };
        colors = colors * perChannel(model.preprocess.std) + perChannel(model.preprocess.mean);
    }
    return at::adaptive_avg_pool2d(colors, {question.fineHeight, question.fineWidth})[0].clamp(0, 1);
}

using Upsample = std::function<Result<at::Tensor>(const UpsamplerQuestion&)>;

Upsample resizing(ResizeMode mode) {
    return [mode](const UpsamplerQuestion& question) -> Result<at::Tensor> {
        VITRINE_TRY(const at::Tensor fine,
                    resizeFeatures(question.coarse[0], question.fineHeight, question.fineWidth, mode));
        return fine.unsqueeze(0);
    };
}

Upsample guided(const StoredModel& model) {
    return [&model](const UpsamplerQuestion& question) -> Result<at::Tensor> {
        const at::Tensor coarse = question.coarse[0].cpu();
        VITRINE_TRY(const JbuTaps taps,
                    JbuTaps::guided(guidanceOf(question, model), coarse.size(1), coarse.size(2)));
        VITRINE_TRY(const at::Tensor fine, taps.apply(coarse));
        return fine.unsqueeze(0);
    };
}

Upsample registered(const FeatureUpsampler& upsampler, const StoredModel& model) {
    return [&upsampler, &model](const UpsamplerQuestion& question) -> Result<at::Tensor> {
        VITRINE_TRY(const at::Tensor fine,
                    upsampler.upsample(question.coarse[0].cpu(), guidanceOf(question, model)));
        return fine.unsqueeze(0);
    };
}

Result<UpsamplerWay> trained(UpsamplerWay way, const StoredModel& model, int64_t side, int64_t factor) {
    VITRINE_TRY(std::shared_ptr<const TrainedUpsampler> upsampler,
                loadTrainedUpsampler(way.name, {model.device, at::kFloat}));
    VITRINE_TRY_VOID(upsampler->checkFits(model.description.info));
    const auto square = upsampler->squareSide();
    if (square && *square != side * factor)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the upsampler makes features of pictures of {} pixels, {} times {} are asked for",
                        *square, factor, side),
            way.name, "Set side and factor to those it was trained for");
    way.shownName = upsampler->name();
    way.comparable = [upsampler](const at::Tensor& features) { return upsampler->comparable(features); };
    const at::Tensor sample = at::randn({1, model.description.info.featureWidth, 2, 2}).to(model.device);
    way.sameSpace = way.comparable(sample).equal(sample);
    way.upsample = [upsampler, &model](const UpsamplerQuestion& question) -> Result<at::Tensor> {
        VITRINE_TRY(const at::Tensor fine,
                    upsampler->sharpen(*model.model->encoder(),
                                       upsampler->squareSide() ? question.large : question.small));
        return at::adaptive_avg_pool2d(fine, {question.fineHeight, question.fineWidth});
    };
    return way;
}

// Fitted to each small picture.
UpsamplerWay implicit(UpsamplerWay way, const ImplicitOptions& options, const StoredModel& model) {
    way.upsample = [options, &model, earlier = way.earlierMilliseconds](
                       const UpsamplerQuestion& question) -> Result<at::Tensor> {
        VITRINE_TRY(const KeptFit kept,
                    implicitFit(model, implicitEncoderOf(model), question.small, options, *question.job));
        if (!kept.fittedNow)
            *earlier += 1000 * kept.seconds();
        VITRINE_TRY(const auto upsampler, loadTrainedUpsampler(kept.file, {model.device, at::kFloat}));
        VITRINE_TRY(const at::Tensor fine, upsampler->sharpen(*model.model->encoder(), question.small));
        if (fine.size(2) < question.fineHeight || fine.size(3) < question.fineWidth)
            return nn::resizeMap(fine, question.fineHeight, question.fineWidth, "bilinear");
        return at::adaptive_avg_pool2d(fine, {question.fineHeight, question.fineWidth});
    };
    return way;
}

}  // namespace

Result<UpsamplerWay> upsamplerWay(const std::string& name, const StoredModel& model, int64_t side,
                                  int64_t factor) {
    UpsamplerWay way;
    way.name = way.shownName = name;
    way.comparable = [](const at::Tensor& features) { return features; };
    MapRequest request;
    request.upsampler = name;
    VITRINE_TRY_VOID(resolveUpsampler(request));
    if (isImplicitUpsampler(name)) {
        VITRINE_TRY(const ImplicitOptions options, implicitOptionsFrom(name));
        return implicit(std::move(way), options, model);
    }
    if (!request.source.trainedUpsampler.empty())
        return trained(std::move(way), model, side, factor);
    if (name == "none" || name == "nearest")
        way.upsample = resizing(ResizeMode::Nearest);
    else if (name == "bilinear")
        way.upsample = resizing(ResizeMode::Bilinear);
    else if (name == "bicubic")
        way.upsample = resizing(ResizeMode::Bicubic);
    else if (name == "jbu")
        way.upsample = guided(model);
    else {
        VITRINE_TRY(const FeatureUpsampler* upsampler, UpsamplerRegistry::instance().find(name));
        way.upsample = registered(*upsampler, model);
    }
    return way;
}

}  // namespace vitrine
