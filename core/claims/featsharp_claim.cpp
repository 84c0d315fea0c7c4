// A frozen random ViT whose position embeddings leave a mark in its features, and a pattern of position noise
// planted on top, so that it is known what a de-bias buffer should find. Each arm upsamples the features
// twofold and learns a downsampler of its own by multi-view consistency; fidelity is 1 / mean squared error
// over unseen views of unseen pictures, in PHI-S space.
#include "core/claims/featsharp_claim.h"

#include "core/data/soft_scenes.h"
#include "core/distill/random_stream.h"
#include "core/eval/linear_probe.h"
#include "core/upsampling/upsampler_trainer.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kSide = 48, kPatch = 6, kGrid = kSide / kPatch, kFactor = 2, kChannels = 16;
constexpr int64_t kPictureSide = kSide * kFactor, kDots = 6, kDotSide = 3;
constexpr int64_t kWidth = 64, kDepth = 2, kHeads = 4;
constexpr double kPositions = 0.5;  // deviation of the position embeddings; patches have about 2
constexpr double kNoise = 0.4;      // of the planted pattern, in deviations of each channel
constexpr const char* kNoiseless = "fidelity to the noiseless encoder";
constexpr int64_t kSteps = 300, kBatch = 8, kTestPictures = 192, kTestViews = 4;

struct Scenes {
    at::Tensor pictures;  // (B, 3, 96, 96)
    at::Tensor dots;      // (B, 16, 16) int64: 1 where the centre of a dot lies in the cell
};

// Soft scenes with small squares of one colour.
Scenes dottedScenes(int64_t count, const at::Generator& random) {
    Scenes scenes{softScenes(count, kPictureSide, random),
                  at::zeros({count, kGrid * kFactor * kGrid * kFactor}, at::kLong)};
    const at::Tensor axis = at::arange(kPictureSide);
    const at::Tensor color = at::tensor({1.0, 0.1, 0.9}, at::kFloat).view({1, 3, 1, 1});
    for (int64_t dot = 0; dot < kDots; ++dot) {
        const auto place = [&] {
            return at::randint(1, kPictureSide - 1, {count}, random, at::TensorOptions().dtype(at::kLong));
        };
        const at::Tensor row = place(), column = place();
        const auto near = [&](const at::Tensor& centre) {
            return (axis.unsqueeze(0) - centre.unsqueeze(1)).abs().le(kDotSide / 2);
        };
        const at::Tensor inside = (near(row).unsqueeze(2) * near(column).unsqueeze(1)).unsqueeze(1);
        scenes.pictures = at::where(inside, color, scenes.pictures);
        const at::Tensor cell = row.div(kPatch, "floor") * (kGrid * kFactor) + column.div(kPatch, "floor");
        scenes.dots.scatter_(1, cell.unsqueeze(1), 1);
    }
    scenes.dots = scenes.dots.view({count, kGrid * kFactor, kGrid * kFactor});
    return scenes;
}

class SceneSource : public PictureSource {
  public:
    int64_t count() const override { return 1024; }  // of any number: every batch is drawn afresh
    std::string fingerprint() const override { return "dotted scenes"; }
    Result<DrawnPictures> pictures(const BatchDraw& draw) override {
        return DrawnPictures{
            dottedScenes(int64_t(draw.indices.size()), randomStream(draw.seed, draw.step, "scenes")).pictures,
            {}};
    }
};

// A pre-norm transformer with random weights and learned-like position embeddings.
class RandomViT {
  public:
    explicit RandomViT(const at::Generator& random) {
        const auto normal = [&](at::IntArrayRef shape, double deviation) {
            return at::randn(shape, random, at::TensorOptions()) * deviation;
        };
        patch_ = normal({kWidth, 3, kPatch, kPatch}, 2.0 / kPatch);
        positions_ = normal({1, kGrid * kGrid, kWidth}, kPositions);
        const double unit = 1 / std::sqrt(double(kWidth));
        for (int64_t block = 0; block < kDepth; ++block)
            blocks_.push_back({normal({3 * kWidth, kWidth}, unit), normal({kWidth, kWidth}, unit),
                               normal({4 * kWidth, kWidth}, 1.4 * unit),
                               normal({kWidth, 4 * kWidth}, 0.7 * unit)});
        // Channels of decaying strength, mixed.
        const at::Tensor rotation = std::get<0>(at::linalg_qr(normal({kChannels, kChannels}, 1)));
        const at::Tensor strength = at::arange(1, kChannels + 1, at::kFloat).rsqrt();
        head_ = (rotation * strength).matmul(normal({kChannels, kWidth}, unit));
        const at::Tensor sample =
            clean(at::avg_pool2d(dottedScenes(256, random).pictures, {kFactor, kFactor}));
        noise_ = normal({1, kChannels, kGrid, kGrid}, kNoise) * sample.std({0, 2, 3}, false, true);
    }
    // (B, 3, 48, 48) in [0, 1] -> (B, 16, 8, 8).
    at::Tensor clean(const at::Tensor& pictures) const {
        const auto norm = [](const at::Tensor& x) { return at::layer_norm(x, {kWidth}); };
        at::Tensor x =
            at::conv2d(pictures * 2 - 1, patch_, {}, kPatch).flatten(2).transpose(1, 2) + positions_;
        for (const Block& block : blocks_) {
            const at::Tensor parts = at::linear(norm(x), block.attention)
                                         .view({x.size(0), -1, 3, kHeads, kWidth / kHeads})
                                         .permute({2, 0, 3, 1, 4});
            const at::Tensor mixed = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);
            x = x + at::linear(mixed.transpose(1, 2).flatten(2), block.projection);
            x = x + at::linear(at::gelu(at::linear(norm(x), block.widen)), block.narrow);
        }
        return at::linear(norm(x), head_)
            .transpose(1, 2)
            .reshape({pictures.size(0), kChannels, kGrid, kGrid});
    }
    at::Tensor look(const at::Tensor& pictures) const { return clean(pictures) + noise_; }
    const at::Tensor& noise() const { return noise_; }

  private:
    struct Block {
        at::Tensor attention, projection, widen, narrow;
    };
    at::Tensor patch_, positions_, head_, noise_;
    std::vector<Block> blocks_;
};

FrozenEncoder encoderOf(const RandomViT& network, bool clean) {
    FrozenEncoder encoder;
    encoder.name = "random ViT";
    encoder.identity = clean ? "clean" : "noisy";
    encoder.featureWidth = kChannels;
    encoder.patchSize = kPatch;
    encoder.side = kSide;
    encoder.prepare = [](const at::Tensor& pixels) { return pixels; };
    encoder.features = [&network, clean](const at::Tensor& pictures) -> Result<at::Tensor> {
        return clean ? network.clean(pictures) : network.look(pictures);
    };
    return encoder;
}

struct Arm {
    const char* name;
    featsharp::Guide guide;
    bool tiles, deBias;
};
using featsharp::Guide;
constexpr Arm kArms[] = {{"bilinear", Guide::Bilinear, false, false},
                         {"tiles", Guide::None, true, false},
                         {"JBU", Guide::Bilateral, false, false},
                         {"JBU + de-bias", Guide::Bilateral, false, true},
                         {"FeatSharp without de-bias", Guide::Bilateral, true, false},
                         {"FeatSharp", Guide::Bilateral, true, true}};

// Short versions look at less.
int64_t scaled(int64_t whole, int64_t least, const ClaimRequest& request) {
    return std::clamp<int64_t>(scaledSteps(whole, request), least, whole);
}

UpsamplerOptions optionsOf(const Arm& arm, const ClaimRequest& request) {
    UpsamplerOptions options;
    options.guide = arm.guide;
    options.tiles = arm.tiles;
    options.deBias = arm.deBias;
    options.factor = kFactor;
    options.batch = kBatch;
    options.views = 2;
    options.view.largestZoom = 1 / 0.6;
    options.view.smallestPerspective = options.view.largestPerspective = 0;
    options.steps = scaledSteps(kSteps, request);
    options.statisticsBatches = scaled(64, 16, request);
    options.warmupSteps = std::min<int64_t>(25, options.steps / 4);
    options.learningRate = 5e-3;  // ten times the published: a twentieth of its steps
    options.seed = uint64_t(request.seed);
    return options;
}

using Metrics = std::map<std::string, double>;

double correlation(const at::Tensor& a, const at::Tensor& b) {
    // What is equal at all places changes nothing and is not learned.
    const at::Tensor x = a - a.mean({2, 3}, true), y = b - b.mean({2, 3}, true);
    return ((x * y).sum() / (x.norm() * y.norm())).item<double>();
}

// Area under the curve of a linear probe for the small squares, fitted on the first half of the pictures.
Result<double> dotScore(const at::Tensor& fine, const at::Tensor& dots, JobContext& job) {
    const auto rows = [](const at::Tensor& maps) { return maps.permute({0, 2, 3, 1}).flatten(0, 2); };
    const int64_t half = fine.size(0) / 2;
    LinearProbeOptions options;
    options.steps = 150;
    JobContext quiet(job.stopToken(), nullptr);
    VITRINE_TRY(const LinearProbe probe,
                LinearProbe::fit(rows(fine.narrow(0, 0, half)), dots.narrow(0, 0, half).flatten(), 2, options,
                                 quiet));
    const at::Tensor logits = probe.logits(rows(fine.narrow(0, half, half)));
    const at::Tensor order = (logits.select(1, 1) - logits.select(1, 0)).argsort();
    const at::Tensor truth = dots.narrow(0, half, half).flatten().index_select(0, order).to(at::kDouble);
    const double positives = truth.sum().item<double>(), negatives = double(truth.numel()) - positives;
    const double rankSum = (truth * at::arange(1, truth.numel() + 1, at::kDouble)).sum().item<double>();
    return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
}

Result<Metrics> measureArm(const Arm& arm, const RandomViT& network, const Scenes& test,
                           const ClaimRequest& request) {
    SceneSource source;
    const UpsamplerOptions options = optionsOf(arm, request);
    VITRINE_TRY(auto trainer, UpsamplerTrainer::create(options, encoderOf(network, false), source));
    JobContext quiet(request.job->stopToken(), nullptr);
    VITRINE_TRY_VOID(trainer->estimateStatistics(quiet));
    while (trainer->step() < options.steps) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY([[maybe_unused]] const UpsamplerStep step, trainer->train());
        request.job->advance();
    }
    const FrozenEncoder clean = encoderOf(network, true);
    VITRINE_TRY(const UpsamplerScores scores,
                trainer->score(test.pictures, kTestViews, uint64_t(request.seed), &clean));
    VITRINE_TRY(const UpsamplerMaps maps, trainer->maps(test.pictures));
    Metrics metrics{
        {"fidelity", scores.fidelity}, {kNoiseless, scores.cleanFidelity}, {"seam ratio", scores.seamRatio}};
    VITRINE_TRY(metrics["small objects, area under the curve"], dotScore(maps.fine, test.dots, quiet));
    if (arm.deBias)
        metrics["correlation of b with the noise planted, negated"] =
            correlation(trainer->bias(), -(trainer->standardised(network.noise()) -
                                           trainer->standardised(at::zeros_like(network.noise()))));
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "featsharp encoder");
    const RandomViT network(random);
    const Scenes test = dottedScenes(scaled(kTestPictures, 16, request), random);
    request.job->beginStage("training one upsampler per arm",
                            int64_t(std::size(kArms)) * optionsOf(kArms[0], request).steps);
    ClaimMeasurement measurement;
    for (const Arm& arm : kArms) {
        VITRINE_TRY(measurement.arms[arm.name], measureArm(arm, network, test, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto above = [&](const char* better, const char* worse, const char* metric = "fidelity") {
        return atLeast(fmt::format("{}, {} over {}", metric, better, worse),
                       table.mean(better, metric) / table.mean(worse, metric), 1);
    };
    const double seam = table.mean("FeatSharp", "seam ratio");
    const char* const found = "correlation of b with the noise planted, negated";
    return {
        above("FeatSharp", "JBU"),
        above("FeatSharp", "bilinear"),
        above("bilinear", "tiles"),
        above("FeatSharp without de-bias", "JBU"),
        above("FeatSharp without de-bias", "bilinear"),
        above("JBU + de-bias", "JBU"),
        above("FeatSharp", "FeatSharp without de-bias"),
        above("FeatSharp", "JBU + de-bias"),
        // De-biased targets vary less and are easier to meet: these targets are the same for all.
        above("FeatSharp", "FeatSharp without de-bias", kNoiseless),
        above("FeatSharp", "bilinear", kNoiseless),
        atLeast("seam ratio of FeatSharp", seam, 0.8),
        atMost("seam ratio of FeatSharp", seam, 1.25),
        atLeast("correlation of b with the planted noise, negated", table.mean("FeatSharp", found), 0.7),
    };
}

}  // namespace

ClaimExperiment featSharpClaim() {
    return {measure, judge};
}

}  // namespace vitrine
