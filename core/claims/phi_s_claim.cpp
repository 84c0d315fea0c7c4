// Four frozen random networks with decaying spectra, uneven channels and very different loudness teach one
// small student through a bottleneck. The features of a teacher are the principal components of its network,
// in their order but with deviations of a chosen decay, mixed into channels: on smooth pictures the network's
// own deviations fall faster than those of published features. Only the normalisation of the targets differs
// between the arms. Quality is measured after de-normalising, in each teacher's own space: fidelity =
// variance of the teacher / mean squared error.
#include "core/claims/phi_s_claim.h"

#include "core/data/soft_scenes.h"
#include "core/distill/feature_moments.h"
#include "core/distill/normalizer.h"
#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kSide = 32, kChannels = 32, kBottleneck = 24, kBatch = 64, kSteps = 1500;
constexpr int64_t kFitPictures = 2048, kTestPictures = 1024;
constexpr std::array kLoudness{0.03, 1.8, 1.3,
                               5.5};  // global deviations, as of DFN CLIP, SigLIP, DINOv2 and SAM

at::Tensor normal(at::IntArrayRef shape, const at::Generator& random) {
    return at::randn(shape, random, at::TensorOptions());
}

Result<MomentStatistics> statisticsOf(const at::Tensor& maps) {
    FeatureMoments moments(MomentOptions{4096, MomentPrecision::Float64, 0, {}});
    VITRINE_TRY_VOID(moments.addMaps(maps));
    return moments.statistics();
}

class RandomTeacher {
  public:
    static Result<RandomTeacher> draw(double loudness, const at::Tensor& pictures,
                                      const at::Generator& random) {
        RandomTeacher teacher;
        teacher.weights_ = {normal({24, 3, 3, 3}, random) * 0.5, normal({48, 24, 3, 3}, random) * 0.12,
                            normal({kChannels, 48, 3, 3}, random) * 0.08};
        VITRINE_TRY(const MomentStatistics statistics, statisticsOf(teacher.state(pictures)));
        VITRINE_TRY(const Normalizer whitening, Normalizer::fit(NormalizerKind::PcaWhiten, statistics));
        teacher.whitening_ = whitening.readyFor(at::kCPU);
        // Deviations that fall as k^-1/2 fill about as many directions as the published teachers do
        // (docs/vision-claims.md); the weakest component comes first. Then gains of 0.3 to 2.3 and an offset
        // for each channel.
        const at::Tensor turn = std::get<0>(at::linalg_qr(normal({kChannels, kChannels}, random)));
        const at::Tensor deviations = at::arange(kChannels, 0, -1, at::kFloat).rsqrt();
        const at::Tensor gains = 0.3 + 2 * at::rand({kChannels, 1}, random, at::TensorOptions());
        teacher.mixing_ = gains * turn * deviations;
        teacher.offset_ = at::zeros({kChannels});
        const at::Tensor centred = teacher.look(pictures);
        teacher.offset_ = normal({kChannels}, random) * centred.std() * 0.5;
        teacher.scale_ = loudness / (centred + teacher.offset_.view({1, -1, 1, 1})).std().item<double>();
        return teacher;
    }
    // (B, kChannels, 4, 4).
    at::Tensor look(const at::Tensor& pictures) const {
        const at::Tensor white = whitening_.normalizeMaps(state(pictures));
        return (at::einsum("oc,bchw->bohw", {mixing_, white}) + offset_.view({1, -1, 1, 1})) * scale_;
    }

  private:
    at::Tensor state(const at::Tensor& pictures) const {
        at::Tensor state = pictures * 2 - 1;
        for (const at::Tensor& weight : weights_)
            state = at::tanh(at::conv2d(state, weight, {}, 2, 1) * 2);
        return state;
    }
    std::vector<at::Tensor> weights_;
    Normalizer whitening_;
    at::Tensor mixing_, offset_;
    double scale_ = 1;
};

// Shared strided convolutions into a narrow map, one head of two 1x1 convolutions per teacher.
class SmallStudent {
  public:
    explicit SmallStudent(const at::Generator& random) {
        add("trunk.0", {32, 3, 3, 3}, random);
        add("trunk.1", {64, 32, 3, 3}, random);
        add("trunk.2", {kBottleneck, 64, 3, 3}, random);
        for (size_t teacher = 0; teacher < kLoudness.size(); ++teacher) {
            add(fmt::format("head.{}.0", teacher), {64, kBottleneck, 1, 1}, random);
            add(fmt::format("head.{}.1", teacher), {kChannels, 64, 1, 1}, random);
        }
    }
    std::vector<at::Tensor> forward(const at::Tensor& pictures) const {
        at::Tensor state = pictures * 2 - 1;
        for (size_t layer = 0; layer < 3; ++layer)
            state = at::gelu(layerAt(layer, state, 2, 1));
        std::vector<at::Tensor> outputs;
        for (size_t teacher = 0; teacher < kLoudness.size(); ++teacher)
            outputs.push_back(
                layerAt(4 + 2 * teacher, at::gelu(layerAt(3 + 2 * teacher, state, 1, 0)), 1, 0));
        return outputs;
    }
    const std::vector<OptimizedParameter>& parameters() const { return parameters_; }

  private:
    void add(const std::string& name, at::IntArrayRef shape, const at::Generator& random) {
        const double deviation = std::sqrt(2.0 / double(shape[1] * shape[2] * shape[3]));
        parameters_.push_back(
            {name + ".weight", (normal(shape, random) * deviation).set_requires_grad(true)});
        parameters_.push_back({name + ".bias", at::zeros({shape[0]}).set_requires_grad(true), 1, false});
    }
    at::Tensor layerAt(size_t layer, const at::Tensor& x, int64_t stride, int64_t padding) const {
        return at::conv2d(x, parameters_[2 * layer].tensor, parameters_[2 * layer + 1].tensor, stride,
                          padding);
    }
    std::vector<OptimizedParameter> parameters_;
};

struct Lesson {
    std::vector<RandomTeacher> teachers;
    std::vector<MomentStatistics> statistics;
    double rankShare = 0;  // mean RankMe of the teachers / kChannels
    at::Tensor testPictures;
};

Result<Lesson> prepare(const ClaimRequest& request) {
    const at::NoGradGuard noGrad;
    Lesson lesson;
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "phi-s teachers");
    const at::Tensor pictures = softScenes(kFitPictures, kSide, random);
    for (const double loudness : kLoudness) {
        VITRINE_TRY(const RandomTeacher teacher, RandomTeacher::draw(loudness, pictures, random));
        VITRINE_TRY(const MomentStatistics statistics, statisticsOf(teacher.look(pictures)));
        VITRINE_TRY(const FeatureSpectrum spectrum, spectrumOf(statistics));
        lesson.rankShare += spectrum.rankMe / double(kChannels * kLoudness.size());
        lesson.teachers.push_back(teacher);
        lesson.statistics.push_back(statistics);
    }
    lesson.testPictures = softScenes(kTestPictures, kSide, random);
    return lesson;
}

using Metrics = std::map<std::string, double>;

// A student in training and the normalisation of its targets.
struct Pupil {
    std::vector<Normalizer> normalizers;
    SmallStudent student;
    Optimizer optimizer;

    static Result<Pupil> begin(NormalizerKind kind, const Lesson& lesson, uint64_t seed) {
        std::vector<Normalizer> normalizers;
        for (const MomentStatistics& statistics : lesson.statistics) {
            VITRINE_TRY(const Normalizer fitted, Normalizer::fit(kind, statistics));
            normalizers.push_back(fitted.readyFor(at::kCPU));
        }
        const SmallStudent student(randomStream(seed, 0, "phi-s student"));
        Optimizer optimizer(student.parameters(), {.kind = OptimizerKind::AdamW, .weightDecay = 0.01});
        return Pupil{std::move(normalizers), student, std::move(optimizer)};
    }

    void learn(const at::Tensor& pictures, const std::vector<at::Tensor>& looks, double rate) {
        const std::vector<at::Tensor> outputs = student.forward(pictures);
        at::Tensor loss = at::zeros({});
        for (size_t i = 0; i < looks.size(); ++i)
            loss = loss + (outputs[i] - normalizers[i].normalizeMaps(looks[i])).square().mean();
        optimizer.clearGradients();
        loss.backward();
        optimizer.step(rate);
    }
};

Metrics evaluate(const Lesson& lesson, const Pupil& pupil) {
    const at::NoGradGuard noGrad;
    const std::vector<Normalizer>& normalizers = pupil.normalizers;
    const std::vector<at::Tensor> outputs = pupil.student.forward(lesson.testPictures);
    Metrics metrics;
    double logFidelity = 0, errorRange = 0, varianceError = 0;
    for (size_t i = 0; i < kLoudness.size(); ++i) {
        const at::Tensor target = lesson.teachers[i].look(lesson.testPictures);
        const double error =
            (normalizers[i].denormalizeMaps(outputs[i]) - target).square().mean().item<double>();
        const double fidelity = target.var({0, 2, 3}, false).mean().item<double>() / error;
        metrics[fmt::format("fidelity, deviation {}", kLoudness[i])] = fidelity;
        logFidelity += std::log(fidelity) / double(kLoudness.size());
        const at::Tensor normalized = normalizers[i].normalizeMaps(target);
        const at::Tensor errors = (outputs[i] - normalized).var({0, 2, 3}, false);
        errorRange +=
            ((errors.max() - errors.min()) / errors.mean()).item<double>() / double(kLoudness.size());
        const at::Tensor expected = normalizers[i].expectedVariances(lesson.statistics[i].covariance);
        varianceError = std::max(varianceError, (expected - 1).abs().max().item<double>());
    }
    metrics["mean log-fidelity"] = logFidelity;
    metrics["range of channel error variances"] = errorRange;
    metrics["largest deviation of a channel variance from 1"] = varianceError;
    metrics["RankMe of the teachers, share of their channels"] = lesson.rankShare;
    return metrics;
}

// All students see the same pictures in the same order, so that each teacher looks at a batch once.
Result<void> teach(std::vector<Pupil>& pupils, const Lesson& lesson, const ClaimRequest& request) {
    const auto seed = uint64_t(request.seed);
    const int64_t steps = scaledSteps(kSteps, request);
    request.job->beginStage("training one student per normalisation", steps);
    for (int64_t step = 0; step < steps; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Tensor pictures = softScenes(kBatch, kSide, randomStream(seed, step, "phi-s batch"));
        std::vector<at::Tensor> looks;
        for (const RandomTeacher& teacher : lesson.teachers)
            looks.push_back(teacher.look(pictures));
        for (Pupil& pupil : pupils)
            pupil.learn(pictures, looks, cosineRate(step, 20, steps, 2e-3));
        request.job->advance();
    }
    return {};
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const Lesson lesson, prepare(request));
    const auto& kinds = allNormalizerKinds();
    std::vector<Pupil> pupils;
    for (const NormalizerKind kind : kinds) {
        VITRINE_TRY(Pupil pupil, Pupil::begin(kind, lesson, uint64_t(request.seed)));
        pupils.push_back(std::move(pupil));
    }
    VITRINE_TRY_VOID(teach(pupils, lesson, request));
    ClaimMeasurement measurement;
    for (size_t i = 0; i < kinds.size(); ++i)
        measurement.arms[normalizerName(kinds[i])] = evaluate(lesson, pupils[i]);
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto mean = [&](const char* arm, const char* metric) { return table.mean(arm, metric); };
    const auto extreme = [&](std::initializer_list<const char*> arms, const char* metric, bool largest) {
        std::vector<double> values;
        for (const char* arm : arms)
            values.push_back(mean(arm, metric));
        return largest ? *std::max_element(values.begin(), values.end())
                       : *std::min_element(values.begin(), values.end());
    };
    const char* const log = "mean log-fidelity";
    const char* const range = "range of channel error variances";
    const char* const quiet = "fidelity, deviation 0.03";
    const char* const variance = "largest deviation of a channel variance from 1";
    return {
        atLeast("fidelity to the quietest teacher, phi-s over plain MSE",
                mean("phi-s", quiet) / mean("none", quiet), 1.5),
        atLeast(
            "mean log-fidelity, phi-s less the best other arm (tied within 0.02)",
            mean("phi-s", log) -
                extreme({"none", "global", "standardise", "pca-whiten", "zca", "hadamard-whiten"}, log, true),
            -0.02),
        atLeast(
            "mean log-fidelity, worst normalised arm less plain MSE",
            extreme({"global", "standardise", "pca-whiten", "zca", "hadamard-whiten", "phi-s"}, log, false) -
                mean("none", log),
            0),
        atLeast("mean log-fidelity, worst standardiser less best whitening",
                extreme({"global", "standardise", "phi-s"}, log, false) -
                    extreme({"pca-whiten", "zca", "hadamard-whiten"}, log, true),
                0),
        atMost(
            "range of channel error variances, larger of phi-s and hadamard-whiten over the smallest other",
            extreme({"phi-s", "hadamard-whiten"}, range, true) /
                extreme({"standardise", "pca-whiten", "zca"}, range, false),
            1),
        atMost("channel variances after phi-s differ from 1 by", mean("phi-s", variance), 1e-6),
    };
}

}  // namespace

ClaimExperiment phiSClaim() {
    return {measure, judge};
}

}  // namespace vitrine
