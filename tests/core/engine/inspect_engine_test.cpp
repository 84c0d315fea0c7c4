// The engine on real photographs with trained encoders: what the window shows.
#include "core/base/file.h"
#include "core/engine/inspect_engine_impl.h"
#include "core/engine/map_names.h"
#include "core/features/upsample.h"
#include "core/features/upsampler_registry.h"
#include "core/models/featsharp/featsharp_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vitrine {
namespace {

class InspectEngineTest : public ::testing::Test {
  protected:
    InspectEngineTest() {
        ::setenv("VITRINE_STATE_DIR", (state_ / "state").c_str(), 1);
        ::setenv("VITRINE_CACHE_DIR", (state_ / "cache").c_str(), 1);
        engine_ = makeInspectEngine();
    }
    LoadedModel load(const std::filesystem::path& path) {
        const auto model = engine_->loadModel(path, "cpu", "float32", job_);
        EXPECT_TRUE(model) << model.error().text();
        return model.value_or(LoadedModel{});
    }
    MapRequest request(const LoadedModel& model, const std::filesystem::path& picture, MapKind kind) {
        MapRequest request;
        request.kind = kind;
        request.source.modelId = model.id;
        request.source.imagePath = picture.string();
        request.outputSize = {320, 213};
        request.upsampler = "bilinear";
        return request;
    }

    testing::TemporaryFolder state_;
    std::unique_ptr<InspectEngine> engine_;
    JobContext job_;
};

// A FeatSharp folder with random weights for 32-pixel pictures, patches of 4 and this width.
void writeRandomUpsampler(const std::filesystem::path& folder, int64_t width) {
    at::NoGradGuard noGrad;
    std::filesystem::create_directories(folder);
    ModelFolder description;
    description.config = {
        {"model_resolution", 32}, {"patch_size", 4}, {"feat_dim", width}, {"upsample_factor", 3}};
    const auto model = createFeatSharp(description);
    ASSERT_TRUE(model) << model.error().text();
    at::manual_seed(1);
    TensorMap tensors;
    for (auto& entry : (*model)->module()->named_parameters())
        tensors[entry.key()] = entry.value().normal_(0.0, 0.05).detach();
    // The scales are zero: what comes out is the guided branch, which any encoder's features suit.
    tensors["upsampler.ups.0.block.ls1.gamma"].zero_();
    tensors["upsampler.ups.0.block.ls2.gamma"].zero_();
    tensors["upsampler.ups.0.jbu.ups.0.sigma_spatial"].fill_(1.0);
    ASSERT_TRUE(writeTensors(folder / "model.safetensors", tensors));
    ASSERT_TRUE(writeFileAtomically(folder / "config.json", description.config.dump()));
}

}  // namespace

TEST_F(InspectEngineTest, TrainedUpsamplersGiveAFinerGrid) {
    VITRINE_SHARED_DATA(picture, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10");
    const LoadedModel model = load(weights);
    testing::TemporaryFolder folder;
    writeRandomUpsampler(folder / "sharp", model.info.featureWidth);
    MapRequest wanted = request(model, picture, MapKind::Norms);
    wanted.outputSize = {};
    wanted.upsampler = (folder / "sharp").string();
    const auto map = engine_->render(wanted, job_);
    ASSERT_TRUE(map) << map.error().text();
    EXPECT_EQ(map->values->width(), 24);
    EXPECT_EQ(map->values->height(), 24);
    EXPECT_EQ(map->transform.gridWidth(), 24);
    EXPECT_GT(map->upsamplingMilliseconds, 0.0);
    EXPECT_GT(map->peakBytes, 24 * 24 * model.info.featureWidth * 4);  // the finer features at least
    // Averages of the coarse features: norms stay in their range, and cells differ.
    EXPECT_LT(map->displayRange().low, map->displayRange().high);
    const auto again = engine_->render(wanted, job_);
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->encodedNow);

    wanted.kind = MapKind::Pca;
    wanted.outputSize = {320, 213};
    const auto colors = engine_->render(wanted, job_);
    ASSERT_TRUE(colors) << colors.error().text();
    EXPECT_EQ(colors->colors->size(), (ImageSize{320, 213}));
    EXPECT_EQ(colors->provenance["trainedUpsampler"], (folder / "sharp").string());

    wanted.kind = MapKind::Attention;
    EXPECT_EQ(engine_->render(wanted, job_).error().code, ErrorCode::Unsupported);
    wanted.kind = MapKind::Norms;
    wanted.source.layer = 1;
    EXPECT_EQ(engine_->render(wanted, job_).error().code, ErrorCode::Unsupported);
    wanted.source.layer = -1;
    writeRandomUpsampler(folder / "other", 64);
    wanted.upsampler = (folder / "other").string();
    const auto misfit = engine_->render(wanted, job_);
    ASSERT_FALSE(misfit);
    EXPECT_NE(misfit.error().text().find("feature width of 64"), std::string::npos) << misfit.error().text();
}

// A fit goes on in the background of everything else that is asked for: each map keeps its own times.
TEST_F(InspectEngineTest, AnUpsamplerIsFittedToThePictureWhileOtherMapsAreMade) {
    VITRINE_SHARED_DATA(picture, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(other, "data/images/photos/truck.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10");
    const LoadedModel model = load(weights);
    MapRequest wanted = request(model, picture, MapKind::Norms);
    wanted.outputSize = {};
    wanted.upsampler = "featup-implicit:jitters=12,steps=6,batch=2,cell=2,components=8";
    int64_t between = 0;
    JobContext job({}, [&](const Progress& progress) {
        if (progress.stage != "FeatUp: steps")
            return;
        JobContext inner;
        const auto map = engine_->render(request(model, other, MapKind::Pca), inner);
        ASSERT_TRUE(map) << map.error().text();
        EXPECT_FALSE(map->provenance.contains("fit"));
        ++between;
    });
    const auto map = engine_->render(wanted, job);
    ASSERT_TRUE(map) << map.error().text();
    EXPECT_GT(between, 0);
    EXPECT_EQ(map->values->width(), 16);  // two cells to each patch of four pixels
    EXPECT_TRUE(map->encodedNow);
    ASSERT_TRUE(map->provenance.contains("fit"));
    EXPECT_GT(map->provenance["fit"]["seconds"].get<double>(), 0);
    EXPECT_GT(map->upsamplingMilliseconds, 900 * map->provenance["fit"]["seconds"].get<double>());
    EXPECT_TRUE(std::filesystem::exists(map->provenance["fit"]["file"].get<std::string>()));

    // Kept: another engine finds it, and says what it took.
    engine_ = makeInspectEngine();
    load(weights);
    const auto again = engine_->render(wanted, job_);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->provenance["fit"], map->provenance["fit"]);
    EXPECT_TRUE(std::equal(again->values->data(), again->values->data() + again->values->byteCount(),
                           map->values->data()));

    // Every picture that takes part has a fit of its own.
    wanted.kind = MapKind::Correspondence;
    wanted.other = wanted.source;
    wanted.other.imagePath = other.string();
    const auto matches = engine_->render(wanted, job_);
    ASSERT_TRUE(matches) << matches.error().text();
    wanted.kind = MapKind::Similarity;
    wanted.probe = Probe{other.string(), {40, 40}};
    EXPECT_TRUE(engine_->render(wanted, job_));

    wanted.kind = MapKind::Norms;
    wanted.source.layer = 1;
    EXPECT_EQ(engine_->render(wanted, job_).error().code, ErrorCode::Unsupported);
    wanted.source.layer = -1;
    wanted.upsampler = "featup-implicit:jiters=3";
    EXPECT_NE(engine_->render(wanted, job_).error().text().find("jitters"), std::string::npos);
}

TEST_F(InspectEngineTest, RegisteredUpsamplersAreUsedByName) {
    VITRINE_SHARED_DATA(picture, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10");
    const LoadedModel model = load(weights);
    static int64_t channels;  // outlives the test with the registered functions
    for (const bool linear : {true, false})
        UpsamplerRegistry::instance().add({linear ? "test linear" : "test learned", "bilinear",
                                           [](const at::Tensor& features, const at::Tensor& guidance) {
                                               channels = features.size(0);
                                               return resizeFeatures(features, guidance.size(1),
                                                                     guidance.size(2), ResizeMode::Bilinear);
                                           },
                                           linear});
    MapRequest wanted = request(model, picture, MapKind::Pca);
    const auto reference = engine_->render(wanted, job_);
    ASSERT_TRUE(reference) << reference.error().text();
    for (const auto& [name, expected] :
         {std::pair<const char*, int64_t>{"test linear", 3}, {"test learned", model.info.featureWidth}}) {
        wanted.upsampler = name;
        const auto map = engine_->render(wanted, job_);
        ASSERT_TRUE(map) << map.error().text();
        EXPECT_EQ(channels, expected) << name;
        EXPECT_EQ(map->provenance["upsampler"], name);
        int64_t worst = 0;
        for (size_t i = 0; i < map->colors->byteCount(); ++i)
            worst = std::max(worst, std::abs(std::to_integer<int64_t>(map->colors->data()[i]) -
                                             std::to_integer<int64_t>(reference->colors->data()[i])));
        EXPECT_LE(worst, 1) << name;
    }
    wanted.upsampler = "test liner";
    const auto misspelt = engine_->render(wanted, job_);
    ASSERT_FALSE(misspelt);
    EXPECT_NE(misspelt.error().text().find("test linear"), std::string::npos);
}

TEST_F(InspectEngineTest, SimilarityIsOneAtTheProbe) {
    VITRINE_SHARED_DATA(picture, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/efficientnet_lite0");
    const LoadedModel model = load(weights);
    MapRequest wanted = request(model, picture, MapKind::Similarity);
    wanted.upsampler = "none";
    wanted.probe = Probe{picture.string(), {400, 300}};
    const auto map = engine_->render(wanted, job_);
    ASSERT_TRUE(map) << map.error().text();
    const Point2 patch = map->transform.patchFromImage({400, 300});
    const size_t index = size_t(patch.y) * size_t(map->values->width()) + size_t(patch.x);
    const std::span<const float> values(map->values->row<float>(0), map->values->byteCount() / sizeof(float));
    EXPECT_NEAR(values[index], 1.0, 1e-5);
    EXPECT_EQ(std::max_element(values.begin(), values.end()) - values.begin(), std::ptrdiff_t(index));
    // The second time the features come from the cache, and the map is the same.
    const auto again = engine_->render(wanted, job_);
    ASSERT_TRUE(again);
    EXPECT_TRUE(map->encodedNow);
    EXPECT_FALSE(again->encodedNow);
    EXPECT_EQ(std::memcmp(again->values->data(), map->values->data(), map->values->byteCount()), 0);
}

TEST_F(InspectEngineTest, ALockedBasisGivesEqualColoursInEveryPicture) {
    VITRINE_SHARED_DATA(dog, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(truck, "data/images/photos/truck.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/efficientnet_lite0");
    const LoadedModel model = load(weights);
    MapRequest first = request(model, dog, MapKind::Pca), second = request(model, truck, MapKind::Pca);
    ASSERT_TRUE(engine_->lockBasis("both", {first.source, second.source}, job_));
    first.pca.lockedBasis = second.pca.lockedBasis = "both";
    const auto a = engine_->render(first, job_);
    ASSERT_TRUE(a) << a.error().text();
    // Saved and loaded under another name, the basis paints the same picture.
    testing::TemporaryFolder folder;
    ASSERT_TRUE(engine_->saveBasis("both", folder / "basis.safetensors"));
    ASSERT_TRUE(engine_->loadBasis("copy", folder / "basis.safetensors"));
    first.pca.lockedBasis = "copy";
    const auto b = engine_->render(first, job_);
    ASSERT_TRUE(b) << b.error().text();
    EXPECT_TRUE(std::equal(a->colors->data(), a->colors->data() + a->colors->byteCount(), b->colors->data()));
    first.pca.lockedBasis = "none such";
    EXPECT_EQ(engine_->render(first, job_).error().code, ErrorCode::NotFound);
}

TEST_F(InspectEngineTest, EveryKindOfMapHasTheSizeAskedFor) {
    VITRINE_SHARED_DATA(picture, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10");
    VITRINE_SHARED_DATA(second, "data/encoders/efficientnet_lite0");
    const LoadedModel model = load(weights), other = load(second);
    for (const MapKind kind :
         {MapKind::Pca, MapKind::Similarity, MapKind::Attention, MapKind::Rollout, MapKind::Norms,
          MapKind::Channel, MapKind::Clusters, MapKind::Disagreement, MapKind::Correspondence}) {
        for (const char* upsampler : {"nearest", "bicubic", "jbu"}) {
            MapRequest wanted = request(model, picture, kind);
            wanted.upsampler = upsampler;
            wanted.probe = Probe{picture.string(), {400, 260}};
            wanted.other = wanted.source;
            if (kind == MapKind::Disagreement)
                wanted.other.modelId = other.id;
            const auto map = engine_->render(wanted, job_);
            ASSERT_TRUE(map) << int(kind) << ": " << map.error().text();
            const ImageSize size = map->colors ? map->colors->size() : map->values->size();
            EXPECT_EQ(size.width, 320) << int(kind);
            EXPECT_EQ(size.height, 213) << int(kind);
            EXPECT_EQ(map->provenance["modelIdentity"], model.identity);
        }
    }
}

TEST_F(InspectEngineTest, DisagreementNamesThePlacesThatDifferMost) {
    VITRINE_SHARED_DATA(picture, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10");
    VITRINE_SHARED_DATA(second, "data/encoders/efficientnet_lite0");
    MapRequest wanted = request(load(weights), picture, MapKind::Disagreement);
    wanted.other = wanted.source;
    wanted.other.modelId = load(second).id;
    wanted.upsampler = "none";
    const auto map = engine_->render(wanted, job_);
    ASSERT_TRUE(map) << map.error().text();
    ASSERT_EQ(map->ranked.size(), 8u);
    const Image& values = *map->values;
    const std::vector<float> all(values.row<float>(0),
                                 values.row<float>(0) + values.width() * values.height());
    std::vector<float> falling = all;
    std::sort(falling.begin(), falling.end(), std::greater<>());
    for (size_t rank = 0; rank < map->ranked.size(); ++rank) {
        const RankedPatch& patch = map->ranked[rank];
        EXPECT_FLOAT_EQ(float(patch.value), falling[rank]) << rank;
        // The box lies on the cell of the map that has this value.
        const Point2 cell = map->transform.patchFromImage(
            {(patch.topLeft.x + patch.bottomRight.x) / 2, (patch.topLeft.y + patch.bottomRight.y) / 2});
        const double across = double(values.width()) / double(map->transform.gridWidth());
        const double down = double(values.height()) / double(map->transform.gridHeight());
        EXPECT_FLOAT_EQ(values.row<float>(int64_t(cell.y * down))[int64_t(cell.x * across)],
                        float(patch.value));
    }
}

TEST_F(InspectEngineTest, ErrorsNameWhatIsWrong) {
    VITRINE_SHARED_DATA(picture, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(weights, "data/encoders/efficientnet_lite0");
    const LoadedModel model = load(weights);
    MapRequest wanted = request(model, "/no/such/picture.jpg", MapKind::Pca);
    EXPECT_EQ(engine_->render(wanted, job_).error().code, ErrorCode::NotFound);
    wanted = request(model, picture, MapKind::Attention);
    EXPECT_EQ(engine_->render(wanted, job_).error().code, ErrorCode::Unsupported);
    wanted = request(model, picture, MapKind::Channel);
    wanted.channel = 100000;
    EXPECT_EQ(engine_->render(wanted, job_).error().hint, "Channels are 0 to 1279");
    wanted.source.modelId = "gone";
    EXPECT_EQ(engine_->render(wanted, job_).error().code, ErrorCode::NotFound);
}

TEST_F(InspectEngineTest, EmbedsPicturesAndFindsTheSameOneAgain) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(weights, "data/encoders/efficientnet_lite0");
    const LoadedModel model = load(weights);
    FeatureSource source;
    source.modelId = model.id;
    testing::TemporaryFolder folder;
    std::filesystem::copy(photos / "dog.jpg", folder / "copy.jpg");
    const std::vector<std::string> paths = {(photos / "truck.jpg").string(), (photos / "dog.jpg").string(),
                                            (photos / "indoor.jpg").string(), (folder / "copy.jpg").string(),
                                            "/no/such.png"};
    const auto embedding = engine_->embed(source, paths, 1, job_);
    ASSERT_TRUE(embedding) << embedding.error().text();
    ASSERT_EQ(embedding->imagePaths.size(), 4u) << "the missing one is left out";
    EXPECT_EQ(embedding->nearest[1], 3);
    EXPECT_EQ(embedding->nearest[3], 1);
    const auto statistics = engine_->statistics(source, {paths[0], paths[1]}, job_);
    ASSERT_TRUE(statistics) << statistics.error().text();
    EXPECT_EQ(statistics->channelCount, 1280);
    EXPECT_GT(statistics->rankMe, 1.0);
    EXPECT_LT(statistics->rankMe, double(statistics->tokenCount));
}

}  // namespace vitrine
