#include "core/upsampling/upsampler_trainer.h"

#include "core/distill/random_stream.h"
#include "core/features/learned_jbu.h"
#include "core/io/safetensors.h"
#include "core/models/featsharp/featsharp_model.h"
#include "core/models/featup/featup_model.h"
#include "core/nn/weights.h"
#include "tests/support/temporary_folder.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

using featsharp::Guide;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr int64_t kPatch = 4, kSide = 16, kWidth = 16, kGrid = kSide / kPatch;

at::Tensor normal(at::IntArrayRef shape, const char* purpose) {
    return at::randn(shape, randomStream(21, 0, purpose), at::TensorOptions());
}

// One patch convolution with position noise on top: what a patch says does not depend on its surroundings.
FrozenEncoder patchEncoder(double noise = 0) {
    const at::Tensor weight = normal({kWidth, 3, kPatch, kPatch}, "weight") / kPatch;
    const at::Tensor pattern = noise * normal({1, kWidth, kGrid, kGrid}, "pattern");
    FrozenEncoder encoder;
    encoder.name = "patches";
    encoder.identity = fmt::format("patches {}", noise);
    encoder.featureWidth = kWidth;
    encoder.patchSize = kPatch;
    encoder.side = kSide;
    encoder.prepare = [](const at::Tensor& pixels) { return pixels * 2 - 1; };
    encoder.features = [weight, pattern](const at::Tensor& pictures) -> Result<at::Tensor> {
        return at::tanh(at::conv2d(pictures, weight, {}, kPatch)) + pattern;
    };
    return encoder;
}

at::Tensor samplePictures(int64_t count, int64_t side) {
    const at::Tensor coarse =
        at::rand({count, 3, 6, 6}, randomStream(22, 0, "pictures"), at::TensorOptions());
    return at::upsample_bicubic2d(coarse, {side, side}, false).clamp(0, 1);
}

UpsamplerOptions smallOptions() {
    UpsamplerOptions options;
    options.factor = 2;
    options.windowSize = 3;
    options.views = 2;
    options.batch = 4;
    options.steps = 60;
    options.statisticsBatches = 6;
    options.warmupSteps = 5;
    options.learningRate = 5e-3;
    options.downsamplerKernel = 5;
    options.seed = 3;
    options.jafarWidth = 16;
    options.jafarHeads = 2;
    return options;
}

UpsamplerOptions smallFeatUp() {
    UpsamplerOptions options = featUpDefaults();
    options.levels = 2;
    options.views = 2;
    options.steps = 60;
    options.crfSamples = 50;
    options.projection = 8;
    options.seed = 3;
    return options;
}

struct Desk {
    Desk() { at::set_num_threads(1); }  // for tensors as small as these more would only wait for each other
    TensorPictureSource source{samplePictures(24, 48), 0.6, true};
    FrozenEncoder encoder = patchEncoder(0.2);

    std::unique_ptr<UpsamplerTrainer> make(const UpsamplerOptions& options) {
        auto made = UpsamplerTrainer::create(options, encoder, source);
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
        JobContext job;
        EXPECT_TRUE((*made)->estimateStatistics(job));
        return made ? std::move(*made) : nullptr;
    }
};

std::vector<double> losses(UpsamplerTrainer& trainer, int64_t steps) {
    std::vector<double> values;
    for (int64_t i = 0; i < steps; ++i) {
        const auto report = trainer.train();
        if (!report) {
            ADD_FAILURE() << report.error().text();
            break;
        }
        values.push_back(report->loss);
    }
    return values;
}

class EveryArm : public ::testing::TestWithParam<std::pair<Guide, bool>> {};
INSTANTIATE_TEST_SUITE_P(UpsamplerTrainer, EveryArm,
                         ::testing::Values(std::pair{Guide::Bilinear, false}, std::pair{Guide::None, true},
                                           std::pair{Guide::Bilateral, false}, std::pair{Guide::Jafar, false},
                                           std::pair{Guide::Bilateral, true}, std::pair{Guide::Jafar, true}));

TEST_P(EveryArm, LearnsAndItsFolderGivesTheSameFeatures) {
    Desk desk;
    UpsamplerOptions options = smallOptions();
    std::tie(options.guide, options.tiles) = GetParam();
    const auto trainer = desk.make(options);
    const at::Tensor unseen = samplePictures(8, 2 * kSide);
    const auto before = trainer->score(unseen, 3, 1);
    ASSERT_TRUE(before) << before.error().text();
    losses(*trainer, options.steps);
    const auto after = trainer->score(unseen, 3, 1);
    ASSERT_TRUE(after);
    EXPECT_LT(after->error, 0.95 * before->error);

    const TemporaryFolder folder;
    ASSERT_TRUE(trainer->exportFolder(folder.path() / "up"));
    const auto model = loadModel(folder.path() / "up", {});
    ASSERT_TRUE(model) << model.error().text();
    const auto& network = static_cast<const FeatSharpModel&>(**model).network();
    const at::NoGradGuard noGrad;
    const auto features = network.forward(
        desk.encoder.prepare(unseen), [&](const at::Tensor& x) { return desk.encoder.look(x); }, true);
    ASSERT_TRUE(features);
    const auto maps = trainer->maps(unseen);
    ASSERT_TRUE(maps);
    EXPECT_TRUE(at::allclose(features->fine, maps->fine, 1e-4, 1e-4))
        << (features->fine - maps->fine).abs().max();

    ASSERT_TRUE(trainer->exportFolder(folder.path() / "small", {at::kBFloat16, false}));
    EXPECT_LT(std::filesystem::file_size(folder.path() / "small" / "model.safetensors"),
              std::filesystem::file_size(folder.path() / "up" / "model.safetensors") * 6 / 10);
    const auto small = loadModel(folder.path() / "small", {});
    ASSERT_TRUE(small) << small.error().text();
    const auto coarser = static_cast<const FeatSharpModel&>(**small).network().forward(
        desk.encoder.prepare(unseen), [&](const at::Tensor& x) { return desk.encoder.look(x); }, true);
    ASSERT_TRUE(coarser);
    EXPECT_LT((coarser->fine - maps->fine).norm().item<double>(), 0.02 * maps->fine.norm().item<double>());
}

TEST(UpsamplerTrainer, ABlendedStartMixesTheGuidedMapAndTheTiles) {
    Desk desk;
    UpsamplerOptions options = smallOptions();
    options.fusionStart = FusionStart::Blend;
    options.windowSize = 1;  // every place looks at itself alone
    const at::Tensor unseen = samplePictures(8, 2 * kSide);
    const auto alone = desk.make(options)->maps(unseen);
    ASSERT_TRUE(alone) << alone.error().text();
    EXPECT_GT((alone->tiles - alone->guided).norm().item<double>(),
              0.1 * alone->guided.norm().item<double>());
    EXPECT_TRUE(at::allclose(alone->fine, 0.5 * (alone->guided + alone->tiles), 1e-4, 1e-4));

    // The tiles of this encoder are its features of the large picture: a mixture is nearer to what views
    // show.
    options.windowSize = 3;
    const auto blended = desk.make(options);
    const auto start = blended->score(unseen, 3, 1);
    options.fusionStart = FusionStart::Guided;
    const auto published = desk.make(options)->score(unseen, 3, 1);
    ASSERT_TRUE(start && published);
    EXPECT_LT(start->error, published->error);
    losses(*blended, options.steps);
    const auto after = blended->score(unseen, 3, 1);
    ASSERT_TRUE(after);
    EXPECT_LT(after->error, start->error);
}

TEST(UpsamplerTrainer, FeatUpLearnsAndItsFolderGivesTheSameFeatures) {
    Desk desk;
    const auto trainer = desk.make(smallFeatUp());
    const at::Tensor unseen = samplePictures(8, kSide);
    const auto before = trainer->score(unseen, 3, 1);
    ASSERT_TRUE(before) << before.error().text();
    losses(*trainer, 60);
    const auto after = trainer->score(unseen, 3, 1);
    ASSERT_TRUE(after);
    EXPECT_LT(after->error, 0.95 * before->error);

    const TemporaryFolder folder;
    ASSERT_TRUE(trainer->exportFolder(folder.path() / "up"));
    const auto model = loadModel(folder.path() / "up", {});
    ASSERT_TRUE(model) << model.error().text();
    const auto& network = static_cast<const FeatUpModel&>(**model).network();
    const at::NoGradGuard noGrad;
    const at::Tensor prepared = desk.encoder.prepare(unseen);
    const at::Tensor fine = network.forward(network.prepared(*desk.encoder.look(prepared)), prepared);
    EXPECT_TRUE(at::allclose(fine, trainer->maps(unseen)->fine, 1e-4, 1e-4));
}

class BothMethods : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(UpsamplerTrainer, BothMethods, ::testing::Values(false, true));

TEST_P(BothMethods, AResumedRunGoesOnToTheSameBits) {
    const UpsamplerOptions options = GetParam() ? smallFeatUp() : smallOptions();
    const TemporaryFolder folder;
    Desk first, second;
    const auto whole = first.make(options);
    losses(*whole, 7);
    ASSERT_TRUE(whole->save(folder.path() / "checkpoint.safetensors"));
    const std::vector<double> expected = losses(*whole, 6);

    auto made = UpsamplerTrainer::create(options, second.encoder, second.source);
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->restore(folder.path() / "checkpoint.safetensors"));
    EXPECT_EQ((*made)->step(), 7);
    EXPECT_EQ(losses(**made, 6), expected);
    const at::Tensor pictures = samplePictures(2, GetParam() ? kSide : 2 * kSide);
    EXPECT_TRUE((*made)->maps(pictures)->fine.equal(whole->maps(pictures)->fine));
}

TEST(UpsamplerTrainer, TheBufferLearnsMinusThePositionNoise) {
    Desk desk;
    desk.encoder = patchEncoder(0.5);
    UpsamplerOptions options = smallOptions();
    options.steps = 150;
    const auto trainer = desk.make(options);
    losses(*trainer, options.steps);
    const at::Tensor pattern = 0.5 * normal({1, kWidth, kGrid, kGrid}, "pattern");
    at::Tensor noise = trainer->standardised(pattern) - trainer->standardised(at::zeros_like(pattern));
    noise = noise - noise.mean({2, 3}, true);
    const at::Tensor bias = trainer->bias() - trainer->bias().mean({2, 3}, true);
    EXPECT_GT((-(bias * noise).sum() / (bias.norm() * noise.norm())).item<double>(), 0.6);
}

TEST(UpsamplerTrainer, StandardisedFeaturesHaveUnitVariance) {
    Desk desk;
    desk.encoder = patchEncoder(0);
    UpsamplerOptions options = smallOptions();
    options.statisticsBatches = 40;
    const auto trainer = desk.make(options);
    const at::Tensor features = *trainer->target(samplePictures(64, kSide));
    EXPECT_NEAR(features.var({0, 2, 3}, false).mean().item<double>(), 1, 0.3);
}

TEST(UpsamplerTrainer, ForeignCheckpointsAreRefused) {
    const TemporaryFolder folder;
    const auto file = folder.path() / "checkpoint.safetensors";
    Desk desk;
    ASSERT_TRUE(desk.make(smallOptions())->save(file));
    const auto refusal = [&](const UpsamplerOptions& options, FrozenEncoder encoder, PictureSource& source) {
        auto made = UpsamplerTrainer::create(options, std::move(encoder), source);
        EXPECT_TRUE(made);
        const auto restored = (*made)->restore(file);
        return restored ? std::string() : restored.error().text();
    };
    EXPECT_EQ(refusal(smallOptions(), desk.encoder, desk.source), "");
    EXPECT_THAT(refusal(smallOptions(), patchEncoder(0.3), desk.source), HasSubstr("another encoder"));
    TensorPictureSource others(samplePictures(5, 48), 0.6, true);
    EXPECT_THAT(refusal(smallOptions(), desk.encoder, others), HasSubstr("other pictures"));
    UpsamplerOptions wider = smallOptions();
    wider.downsamplerKernel = 7;
    EXPECT_THAT(refusal(wider, desk.encoder, desk.source), HasSubstr("downsampler"));
}

TEST(UpsamplerTrainer, FaultsOfTheEncoderAreTold) {
    Desk desk;
    desk.encoder.features = [](const at::Tensor& pictures) -> Result<at::Tensor> {
        return at::full({pictures.size(0), kWidth, kGrid, kGrid}, std::nanf(""));
    };
    auto made = UpsamplerTrainer::create(smallOptions(), desk.encoder, desk.source);
    ASSERT_TRUE(made);
    JobContext job;
    EXPECT_THAT((*made)->estimateStatistics(job).error().text(), HasSubstr("not finite"));
    EXPECT_THAT((*made)->train().error().text(), HasSubstr("not estimated"));
    desk.encoder.features = [](const at::Tensor& pictures) -> Result<at::Tensor> {
        return at::zeros({pictures.size(0), kWidth, 2, 2});
    };
    made = UpsamplerTrainer::create(smallOptions(), desk.encoder, desk.source);
    EXPECT_THAT((*made)->estimateStatistics(job).error().text(), HasSubstr("[4, 16, 2, 2]"));
}

}  // namespace
}  // namespace vitrine
