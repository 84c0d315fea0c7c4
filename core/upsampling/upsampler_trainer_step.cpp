// How a step of the training of an upsampler goes.
#include "core/base/stopwatch.h"
#include "core/distill/random_stream.h"
#include "core/nn/functional.h"
#include "core/upsampling/multi_view_loss.h"
#include "core/upsampling/trainer_parts.h"

#include <cmath>

namespace vitrine {
namespace {

constexpr double kCarefulNorm = 1e-4;  // of the gradients in the first steps

}  // namespace

Result<at::Tensor> UpsamplerTrainer::Parts::load(int64_t atStep) {
    const auto drawAt = [&](int64_t at) {
        const int64_t position = (at < 0 ? -at : at) * options.batch;
        return BatchDraw{indices.batch(position, options.batch), options.pictureSide(encoder), options.seed,
                         at};
    };
    VITRINE_TRY(const DrawnPictures drawn, source.pictures(drawAt(atStep)));
    if (atStep >= 0)
        source.prefetch(drawAt(atStep + 1));
    return encoder.prepare(drawn.pixels.to(options.device));
}

at::Tensor UpsamplerTrainer::Parts::inComparedSpace(const at::Tensor& features) const {
    return featUp ? featUp->prepared(features) : featSharp->prepared(features);
}

Result<UpsamplerMaps> UpsamplerTrainer::Parts::upsample(const at::Tensor& prepared, bool keepParts,
                                                        const at::Generator* dropout,
                                                        double& encoderSeconds) {
    const auto look = [&](const at::Tensor& pictures) {
        const Stopwatch watch(encoderSeconds);
        return encoder.look(pictures);
    };
    UpsamplerMaps maps;
    if (featUp) {
        VITRINE_TRY(const at::Tensor features, look(prepared));
        maps.coarse = featUp->prepared(features);
        maps.fine = nn::resizeMap(featUp->forward(maps.coarse, prepared, dropout), fineSide(), fineSide(),
                                  "bilinear");
        return maps;
    }
    VITRINE_TRY(const featsharp::SharpFeatures features, featSharp->forward(prepared, look, keepParts));
    maps.coarse = features.coarse;
    maps.guided = features.guided;
    maps.tiles = features.tiles;
    maps.fine = features.fine;
    return maps;
}

at::Tensor UpsamplerTrainer::Parts::viewPicture(const at::Tensor& prepared,
                                                const at::Tensor& baseFromView) const {
    const int64_t side = prepared.size(2);
    const at::Tensor view = warpToView(prepared, baseFromView, side, side, options.anchor);
    // The same filter that makes the base picture small: it must not tell views and bases apart.
    return nn::resizeMap(view, encoder.side, encoder.side, "bilinear");
}

Result<at::Tensor> UpsamplerTrainer::Parts::viewTarget(const at::Tensor& prepared,
                                                       const at::Tensor& baseFromView,
                                                       double& encoderSeconds) {
    const Stopwatch watch(encoderSeconds);
    return encoder.look(viewPicture(prepared, baseFromView));
}

at::Tensor UpsamplerTrainer::Parts::viewPrediction(const at::Tensor& fine, const at::Tensor& baseFromView,
                                                   const at::Generator* dropout) const {
    const at::Tensor seen = warpToView(fine, baseFromView, fine.size(2), fine.size(3), options.anchor);
    return downsampler->forward(seen, dropout);
}

at::Tensor UpsamplerTrainer::Parts::drawn(int64_t count, int64_t views, const at::Generator& random) const {
    const at::Tensor homographies = featUp ? drawJitter(count, views, options.jitter, random)
                                           : drawViews(count, views, options.view, random);
    return homographies.to(options.device);
}

Result<at::Tensor> UpsamplerTrainer::Parts::featSharpLoss(const at::Tensor& prepared, UpsamplerStep& report) {
    const at::Generator random = randomStream(options.seed, step, "views");
    const at::Generator dropout = randomStream(options.seed, step, "dropout");
    VITRINE_TRY(const UpsamplerMaps base, upsample(prepared, false, &dropout, report.encoderSeconds));
    const at::Tensor homographies = drawn(prepared.size(0), options.views, random);
    const at::Tensor doubt = uncertainty ? uncertainty->forward(base.fine) : at::Tensor();
    at::Tensor loss = doubt.defined() ? doubt.mean() / 2 : at::zeros({}, base.fine.options());
    if (doubt.defined())
        report.uncertainty = doubt.mean().item<double>();
    const double share = 1.0 / double(options.views);
    for (int64_t view = 0; view < options.views; ++view) {
        const at::Tensor homography = homographies.select(1, view);
        VITRINE_TRY(const at::Tensor features, viewTarget(prepared, homography, report.encoderSeconds));
        ViewComparison comparison;
        comparison.target = inComparedSpace(features);
        comparison.predicted = viewPrediction(base.fine, homography, &dropout);
        const int64_t grid = encoder.grid();
        comparison.valid = insideBase(homography, grid, grid, options.anchor);
        comparison.weight = withMeanOne(onViewGrid(seams, homography, grid, options.anchor));
        if (doubt.defined())
            comparison.uncertainty = onViewGrid(doubt, homography, grid, options.anchor);
        loss = loss + share * featSharpViewLoss(comparison);
        ViewComparison plain{
            comparison.predicted.detach(), comparison.target.detach(), {}, comparison.valid, {}};
        report.error += share * featSharpViewLoss(plain).item<double>();
    }
    return loss;
}

Result<at::Tensor> UpsamplerTrainer::Parts::featUpLoss(const at::Tensor& prepared, UpsamplerStep& report) {
    const at::Generator random = randomStream(options.seed, step, "views");
    const at::Generator dropout = randomStream(options.seed, step, "dropout");
    VITRINE_TRY(const UpsamplerMaps base, upsample(prepared, false, &dropout, report.encoderSeconds));
    const at::Tensor homographies = drawn(prepared.size(0), options.views, random);
    at::Tensor loss = at::zeros({}, base.fine.options());
    const double share = 1.0 / double(options.views);
    for (int64_t view = 0; view < options.views; ++view) {
        const at::Tensor homography = homographies.select(1, view);
        VITRINE_TRY(const at::Tensor features, viewTarget(prepared, homography, report.encoderSeconds));
        at::Tensor target = inComparedSpace(features);
        const at::Tensor deviations = deviation ? deviation->forward(target) : at::Tensor();
        at::Tensor predicted = viewPrediction(base.fine, homography, &dropout);
        report.error += share * (predicted.detach() - target.detach()).square().mean().item<double>();
        at::Tensor projection;
        if (options.projection > 0) {
            projection = randomProjection(target.size(0), target.size(1), options.projection, random)
                             .to(options.device);
            predicted = project(predicted, projection);
            target = project(target, projection);
        }
        loss = loss + share * (deviations.defined() ? featUpViewLoss(predicted, target, deviations)
                                                    : (predicted - target).square().mean());
        if (deviations.defined())
            report.uncertainty += share * deviations.log().mean().item<double>();
        if (view > 0 || options.crfWeight <= 0)
            continue;
        const at::Tensor seen =
            warpToView(base.fine, homography, prepared.size(2), prepared.size(3), options.anchor);
        const at::Tensor field = sampledCrf(prepared, projection.defined() ? project(seen, projection) : seen,
                                            options.crfSamples, random);
        report.randomField = field.item<double>();
        loss = loss + options.crfWeight * field;
    }
    return loss;
}

Result<UpsamplerStep> UpsamplerTrainer::Parts::train() {
    UpsamplerStep report;
    at::Tensor prepared;
    {
        const Stopwatch watch(report.loadSeconds);
        VITRINE_TRY(prepared, load(step));
    }
    // Not a Stopwatch: that would end after the report was handed out.
    const auto start = std::chrono::steady_clock::now();
    useWeights(true);
    optimizer->clearGradients();
    VITRINE_TRY(const at::Tensor loss,
                featUp ? featUpLoss(prepared, report) : featSharpLoss(prepared, report));
    report.loss = loss.item<double>();
    const auto refuse = [&](const char* what, const std::string& where) {
        optimizer->clearGradients();
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the {} is not finite at step {}; step {} was the last good one", what, step,
                                step - 1),
                    where, "Lower the learning rate; the last checkpoint is whole");
    };
    if (!std::isfinite(report.loss))
        return refuse("loss", "encoder " + encoder.name);
    loss.backward();
    if (spectral)
        spectral->collect();
    const double limit = step < options.carefulSteps ? kCarefulNorm : options.clipNorm;
    report.gradientNorm = optimizer->clipGradients(limit);
    if (!std::isfinite(report.gradientNorm))
        return refuse("gradient", optimizer->firstBadGradient());
    report.learningRate = upsamplerRate(options, step);
    optimizer->step(report.learningRate);
    if (featSharp && featSharp->bias().defined())
        report.biasNorm = featSharp->bias().detach().square().mean().sqrt().item<double>();
    report.step = ++step;
    report.trainingSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
}

}  // namespace vitrine
