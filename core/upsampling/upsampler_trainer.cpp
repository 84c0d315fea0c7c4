#include "core/upsampling/upsampler_trainer.h"

#include "core/distill/feature_moments.h"
#include "core/distill/normalizer.h"
#include "core/distill/random_stream.h"
#include "core/nn/functional.h"
#include "core/upsampling/fidelity.h"
#include "core/upsampling/multi_view_loss.h"
#include "core/upsampling/start_weights.h"
#include "core/upsampling/trainer_parts.h"

namespace vitrine {
namespace {

// Of the spectral scales; nothing else decays.
constexpr double kScaleDecay = 0.01, kScaleRate = 0.1;

// The learning rate's share of a parameter, by its published name.
double rateShare(const std::string& name, const UpsamplerOptions& options) {
    if (options.method == UpsamplerMethod::FeatUp)
        return 1;
    if (name.starts_with("scale_net."))
        return options.uncertaintyRate;
    return name.find(".jbu.") != std::string::npos ? options.guideRate : 1;
}

// Sums of errors (B, C, h, w) over valid places (B, 1, h, w).
struct ErrorSums {
    double count = 0;
    at::Tensor first, second;  // (C)

    void add(const at::Tensor& error, const at::Tensor& valid) {
        const at::Tensor counted = (error * valid).to(at::kDouble);
        const at::Tensor sum = counted.sum({0, 2, 3}), squares = counted.square().sum({0, 2, 3});
        first = first.defined() ? first + sum : sum;
        second = second.defined() ? second + squares : squares;
        count += valid.sum().item<double>();
    }
    double meanSquare() const { return second.mean().item<double>() / count; }
    // The mean square after the mean of each channel was taken off.
    double variance() const { return (second / count - (first / count).square()).mean().item<double>(); }
};

featup::FeatUpConfig featUpConfig(const UpsamplerOptions& options, const FrozenEncoder& encoder) {
    featup::FeatUpConfig config;
    config.featureWidth = encoder.featureWidth;
    config.levelCount = options.levels;
    config.normalized = options.channelNorm;
    config.patchSize = encoder.patchSize;
    return config;
}

}  // namespace

UpsamplerTrainer::Parts::Parts(UpsamplerOptions wanted, FrozenEncoder frozen, PictureSource& pictures)
    : options(wanted), encoder(std::move(frozen)), source(pictures), indices(pictures.count(), wanted.seed) {
    build();
    root->to(options.device);
    if (options.spectral)
        spectral =
            std::make_unique<SpectralWeights>(*root, "", randomStream(options.seed, 0, "singular vectors"),
                                              SpectralOptions{.scaleRate = kScaleRate});
    buildOptimizer();
}

void UpsamplerTrainer::Parts::build() {
    const at::NoGradGuard noGrad;
    const at::Generator random = randomStream(options.seed, 0, "upsampler");
    DownsamplerOptions down;
    down.channels = encoder.featureWidth;
    if (options.method == UpsamplerMethod::FeatUp) {
        featUp = std::make_unique<featup::FeatUpNetwork>(*root, featUpConfig(options, encoder));
        startLayers(*root, random);
        if (options.channelNorm)
            for (auto& entry : root->named_parameters())
                if (entry.key().starts_with("model.1.norm."))
                    entry.value().fill_(entry.key().ends_with("weight") ? 1.0 : 0.0);
        down.kind = DownsamplerKind::FeatUp;
        down.kernel = fineSide() / encoder.grid();
        down.stride = (fineSide() - down.kernel) / (encoder.grid() - 1);
        if (options.uncertainty)
            deviation = root->register_module("scale_net",
                                              std::make_shared<DeviationNet>(encoder.featureWidth, random));
    } else {
        featSharp = std::make_unique<featsharp::FeatSharpNetwork>(*root, options.featSharpConfig(encoder));
        startLayers(*root, random);
        startUpsampler(*root, random);
        if (options.fusionStart == FusionStart::Blend)
            startBlended(*root, random);
        down.kernel = options.downsamplerKernel;
        down.stride = options.factor;
        seams = seamWeights(encoder.grid(), options.factor, options.tiles ? options.seamWeight : 1)
                    .to(options.device);
        if (options.uncertainty)
            uncertainty = root->register_module(
                "scale_net", std::make_shared<UncertaintyNet>(encoder.featureWidth, random));
    }
    downsampler = root->register_module("downsampler", std::make_shared<AttentionDownsampler>(down, random));
}

std::vector<OptimizedParameter> UpsamplerTrainer::Parts::trained() const {
    std::vector<OptimizedParameter> parameters;
    for (const auto& entry : root->named_parameters()) {
        const std::string& name = entry.key();
        const bool fixed = name.starts_with("normalizer.") || name.starts_with("model.");
        at::Tensor(entry.value()).set_requires_grad(!fixed);
        if (!fixed)
            parameters.push_back({name, entry.value(), rateShare(name, options), false});
    }
    return parameters;
}

void UpsamplerTrainer::Parts::buildOptimizer() {
    std::vector<OptimizedParameter> parameters = trained();
    if (spectral)
        for (OptimizedParameter& scale : spectral->scales())
            parameters.push_back(std::move(scale));
    OptimizerOptions settings;
    settings.kind = OptimizerKind::NAdam;
    settings.weightDecay = kScaleDecay;
    optimizer = std::make_unique<Optimizer>(std::move(parameters), settings);
}

UpsamplerTrainer::UpsamplerTrainer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
UpsamplerTrainer::~UpsamplerTrainer() = default;

Result<std::unique_ptr<UpsamplerTrainer>> UpsamplerTrainer::create(const UpsamplerOptions& options,
                                                                   FrozenEncoder encoder,
                                                                   PictureSource& source) {
    VITRINE_TRY_VOID(options.validate(encoder));
    if (source.count() < 1)
        return fail(ErrorCode::InvalidArgument, "there are no pictures to learn from", "settings/images");
    auto parts = std::make_unique<Parts>(options, std::move(encoder), source);
    return std::unique_ptr<UpsamplerTrainer>(new UpsamplerTrainer(std::move(parts)));
}

Result<void> UpsamplerTrainer::estimateStatistics(JobContext& job) {
    Parts& p = *parts_;
    if (p.statisticsReady || !p.featSharp || !p.options.standardised) {
        p.statisticsReady = true;
        return {};
    }
    const at::NoGradGuard noGrad;
    FeatureMoments moments(MomentOptions{1024, MomentPrecision::Float64, 0, {}});
    job.beginStage("estimating the encoder's statistics", p.options.statisticsBatches);
    for (int64_t batch = 1; batch <= p.options.statisticsBatches; ++batch) {
        VITRINE_TRY_VOID(job.checkStop());
        VITRINE_TRY(const at::Tensor prepared, p.load(-batch));
        const at::Tensor small = nn::resizeMap(prepared, p.encoder.side, p.encoder.side, "bilinear");
        VITRINE_TRY(const at::Tensor features, p.encoder.look(small));
        VITRINE_TRY_VOID(moments.addMaps(features));
        job.advance();
    }
    VITRINE_TRY(const MomentStatistics statistics, moments.statistics());
    VITRINE_TRY(const Normalizer normalizer, Normalizer::fit(NormalizerKind::PhiS, statistics));
    p.remarks = normalizer.report().remarks();
    auto parameters = p.root->named_parameters();
    const auto fitted = normalizer.state();
    for (const char* name : {"mean", "alpha", "rotation", "inv_rotation"})
        parameters[std::string("normalizer.") + name].copy_(fitted.at(name));
    p.statisticsReady = true;
    return {};
}

const std::vector<std::string>& UpsamplerTrainer::remarks() const {
    return parts_->remarks;
}
int64_t UpsamplerTrainer::step() const {
    return parts_->step;
}
const UpsamplerOptions& UpsamplerTrainer::options() const {
    return parts_->options;
}
const FrozenEncoder& UpsamplerTrainer::encoder() const {
    return parts_->encoder;
}

Result<UpsamplerStep> UpsamplerTrainer::train() {
    if (!parts_->statisticsReady)
        return fail(ErrorCode::InvalidArgument, "the statistics of the encoder were not estimated yet");
    return parts_->train();
}

void UpsamplerTrainer::change(const UpsamplerOptions& wanted) {
    UpsamplerOptions& options = parts_->options;
    options.learningRate = wanted.learningRate;
    options.warmupSteps = wanted.warmupSteps;
    options.cosine = wanted.cosine;
    options.clipNorm = wanted.clipNorm;
    options.steps = wanted.steps;
    options.crfWeight = wanted.crfWeight;
}

Result<UpsamplerMaps> UpsamplerTrainer::maps(const at::Tensor& pictures) {
    const at::NoGradGuard noGrad;
    Parts& p = *parts_;
    p.useWeights(false);
    double ignored = 0;
    VITRINE_TRY(UpsamplerMaps maps,
                p.upsample(p.encoder.prepare(pictures.to(p.options.device)), true, nullptr, ignored));
    if (p.uncertainty)
        maps.uncertainty = p.uncertainty->forward(maps.fine);
    return maps;
}

Result<UpsamplerScores> UpsamplerTrainer::score(const at::Tensor& pictures, int64_t views, uint64_t seed,
                                                const FrozenEncoder* clean) {
    const at::NoGradGuard noGrad;
    Parts& p = *parts_;
    p.useWeights(false);
    double ignored = 0;
    const at::Tensor prepared = p.encoder.prepare(pictures.to(p.options.device));
    VITRINE_TRY(const UpsamplerMaps maps, p.upsample(prepared, false, nullptr, ignored));
    const at::Tensor homographies = p.drawn(pictures.size(0), views, randomStream(seed, 0, "unseen views"));
    ErrorSums own, cleaned;
    for (int64_t view = 0; view < views; ++view) {
        const at::Tensor homography = homographies.select(1, view);
        const at::Tensor predicted = p.viewPrediction(maps.fine, homography, nullptr);
        const at::Tensor valid =
            insideBase(homography, predicted.size(2), predicted.size(3), p.options.anchor).unsqueeze(1);
        VITRINE_TRY(const at::Tensor features, p.viewTarget(prepared, homography, ignored));
        own.add(predicted - p.inComparedSpace(features), valid);
        if (clean) {
            VITRINE_TRY(const at::Tensor truth, clean->look(p.viewPicture(prepared, homography)));
            cleaned.add(predicted - standardised(truth), valid);
        }
    }
    UpsamplerScores scores;
    scores.error = own.meanSquare();
    scores.fidelity = 1 / scores.error;
    scores.seamRatio = seamRatio(maps.fine, p.encoder.grid(), maps.fine.size(2) / p.encoder.grid());
    if (clean)
        scores.cleanFidelity = 1 / cleaned.variance();
    return scores;
}

Result<at::Tensor> UpsamplerTrainer::target(const at::Tensor& pictures) {
    const at::NoGradGuard noGrad;
    VITRINE_TRY(const at::Tensor features,
                parts_->encoder.look(parts_->encoder.prepare(pictures.to(parts_->options.device))));
    return parts_->inComparedSpace(features);
}

at::Tensor UpsamplerTrainer::bias() const {
    return parts_->featSharp ? parts_->featSharp->bias().detach() : at::Tensor();
}

at::Tensor UpsamplerTrainer::standardised(const at::Tensor& features) const {
    const at::NoGradGuard noGrad;
    return parts_->featSharp ? parts_->featSharp->standardised(features) : features;
}

}  // namespace vitrine
