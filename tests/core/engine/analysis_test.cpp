// Analyses of an encoder whose answers are known: its second layer is a rotation of its first, its final
// features carry a planted pattern.
#include "core/engine/analysis_impl.h"
#include "core/engine/augmented_views.h"
#include "core/engine/picture_labels.h"
#include "core/media/image_writer.h"
#include "core/models/model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/linalg_qr.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPatch = 8, kSide = 64, kChannels = 12;
constexpr int64_t kPlantedRow = 2, kPlantedColumn = 5;
constexpr float kPlanted = 3;

class KnownEncoder : public Model, public VisionEncoder {
  public:
    KnownEncoder() {
        info_.family = info_.name = "known";
        info_.patchSize = info_.sizeMultiple = kPatch;
        info_.preferredHeight = info_.preferredWidth = kSide;
        info_.layerCount = 1;
        info_.featureWidth = info_.summaryWidth = kChannels;
        info_.normalizesItself = true;
        rotation_ = std::get<0>(
            at::linalg_qr(at::randn({kChannels, kChannels}, at::make_generator<at::CPUGeneratorImpl>(7))));
    }
    std::string family() const override { return "known"; }
    const VisionEncoder* encoder() const override { return this; }
    const EncoderInfo& info() const override { return info_; }
    Result<TensorMap> runCall(const ModelCall&) const override {
        return fail(ErrorCode::Unsupported, "none");
    }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        // Means of the four quarters of each patch.
        const int64_t rows = pixels.size(2) / kPatch, columns = pixels.size(3) / kPatch;
        const at::Tensor first = at::avg_pool2d(pixels, kPatch / 2)
                                     .view({-1, 3, rows, 2, columns, 2})
                                     .permute({0, 1, 3, 5, 2, 4})
                                     .reshape({-1, kChannels, rows, columns});
        const at::Tensor second = 3 * at::einsum("dc,bchw->bdhw", {rotation_, first});
        EncoderOutput output;
        for (const int64_t layer : request.layers)
            output.layers.push_back({layer == 0 ? first : second, {}});
        output.features = first.clone();
        output.features.select(2, kPlantedRow).select(2, kPlantedColumn) += kPlanted;
        output.summary = first.mean({2, 3});
        return output;
    }

  private:
    EncoderInfo info_;
    at::Tensor rotation_;
};

void addKnownFamily() {
    static const bool added = [] {
        ModelFamilies::instance().add(
            {"known", "answers are known",
             [](const ModelFolder& folder) { return folder.modelType() == "known"; },
             [](const ModelFolder&, const LoadOptions&) -> Result<std::unique_ptr<Model>> {
                 return std::make_unique<KnownEncoder>();
             }});
        return true;
    }();
    (void)added;
}

class AnalysisTest : public ::testing::Test {
  protected:
    AnalysisTest() {
        addKnownFamily();
        fs::create_directories(folder_ / "model");
        std::ofstream(folder_ / "model" / "config.json") << R"({"model_type": "known"})";
        EXPECT_TRUE(writeTensors(folder_ / "model" / "model.safetensors", {{"known", at::zeros({1})}}));
        const auto model = models_.load(folder_ / "model", "cpu", "float32");
        EXPECT_TRUE(model) << model.error().text();
        id_ = model ? (*model)->description.id : "";
    }
    // Noise around a colour.
    std::string picture(const std::string& name, double red, double blue) {
        std::uniform_real_distribution<double> noise(-60, 60);
        Image image({kSide, kSide}, 3, SampleType::U8);
        for (int64_t y = 0; y < kSide; ++y)
            for (int64_t x = 0; x < kSide; ++x) {
                uint8_t* sample = image.row<uint8_t>(y) + 3 * x;
                sample[0] = uint8_t(std::clamp(red + noise(random_), 0.0, 255.0));
                sample[1] = uint8_t(std::clamp(100 + noise(random_), 0.0, 255.0));
                sample[2] = uint8_t(std::clamp(blue + noise(random_), 0.0, 255.0));
            }
        const fs::path file = folder_ / name;
        EXPECT_TRUE(writeImage(file, image));
        return file.string();
    }
    PictureSet pictures(int count) {
        PictureSet set;
        for (int index = 0; index < count; ++index)
            set.paths.push_back(
                picture("p" + std::to_string(index) + ".png", 60 + 12 * index, 200 - 9 * index));
        set.batchSize = 4;
        return set;
    }

    testing::TemporaryFolder folder_;
    std::mt19937 random_{3};
    ModelStore models_;
    AnalysisImpl analysis_{models_};
    JobContext job_;
    std::string id_;
};

}  // namespace

TEST_F(AnalysisTest, CkaIsOneForEqualAndForRotatedLayers) {
    CompareRequest request;
    request.modelId = request.otherId = id_;
    request.pictures = pictures(10);
    for (const CkaSamples samples : {CkaSamples::Places, CkaSamples::Pictures}) {
        request.samples = samples;
        const auto result = analysis_.compare(request, job_);
        ASSERT_TRUE(result) << result.error().text();
        EXPECT_EQ(result->rows, (std::vector<std::string>{"0", "1", "final"}));
        EXPECT_EQ(result->sampleCount, samples == CkaSamples::Places ? 10 * 64 : 10);
        for (size_t layer = 0; layer < 3; ++layer)
            EXPECT_NEAR(result->at(layer, layer), 1, 1e-9);
        EXPECT_NEAR(result->at(0, 1), 1, 1e-5) << "rotated and scaled";
        EXPECT_NEAR(result->at(0, 2), result->at(2, 0), 1e-12);
        if (samples == CkaSamples::Places) {
            EXPECT_LT(result->at(0, 2), 0.9) << "the planted pattern is no rotation";
        }
    }
    EXPECT_EQ(csvOf(*analysis_.compare(request, job_)).substr(0, 16), "layer,0,1,final\n");
}

TEST_F(AnalysisTest, FindsThePlantedPatternAndItsOutlier) {
    PatternRequest request;
    request.modelId = id_;
    request.pictures = pictures(12);
    const auto result = analysis_.pattern(request, job_);
    ASSERT_TRUE(result) << result.error().text();
    const size_t planted = size_t(kPlantedRow * result->width + kPlantedColumn);
    EXPECT_EQ(std::max_element(result->energy.begin(), result->energy.end()) - result->energy.begin(),
              std::ptrdiff_t(planted));
    // 3 in each of 12 channels at one of 64 places, less its own share of the mean.
    EXPECT_NEAR(result->energy[planted], kChannels * kPlanted * kPlanted * std::pow(63.0 / 64, 2), 3);
    EXPECT_FLOAT_EQ(result->outlierRate[planted], 1);
    EXPECT_EQ(result->outlierCounts, std::vector<int64_t>(12, 1));
    EXPECT_GT(result->corrected, 0.5);
    EXPECT_EQ(result->rings.size(), 4u);
    EXPECT_GT(result->rings[2], result->rings[0]) << "row 2 lies in the third ring";
    // The layer below has none.
    request.layer = 0;
    const auto without = analysis_.pattern(request, job_);
    ASSERT_TRUE(without);
    EXPECT_LT(without->corrected, 0.1);
    EXPECT_EQ(without->meanOutliers(), 0);
}

TEST_F(AnalysisTest, LeaveOneOutKnnTellsTwoColoursApart) {
    NeighborRequest request;
    request.modelId = id_;
    for (int index = 0; index < 8; ++index) {
        const bool red = index % 2 == 0;
        request.pictures.paths.push_back(
            picture((red ? "red" : "blue") + std::to_string(index) + ".png", red ? 200 : 40, red ? 40 : 200));
        request.labels.push_back(red ? "red" : "blue");
    }
    request.count = 3;
    request.voters = 3;
    const auto result = analysis_.neighbors(request, job_);
    ASSERT_TRUE(result) << result.error().text();
    ASSERT_TRUE(result->accuracy);
    EXPECT_EQ(result->accuracy->right, 8);
    EXPECT_DOUBLE_EQ(result->accuracy->chance, 0.5);
    ASSERT_EQ(result->rows.size(), 8u);
    for (const NeighborLists::Row& row : result->rows) {
        ASSERT_EQ(row.nearest.size(), 3u);
        for (const Neighbor& neighbor : row.nearest) {
            EXPECT_NE(neighbor.path, row.query);
            EXPECT_EQ(neighbor.label,
                      fs::path(row.query).filename().string().starts_with("red") ? "red" : "blue");
        }
    }
    // Labels that contradict the pictures: the three others of each colour vote, one of them right.
    request.labels = {"a", "a", "a", "a", "b", "b", "b", "b"};
    const auto shuffled = analysis_.neighbors(request, job_);
    ASSERT_TRUE(shuffled && shuffled->accuracy);
    EXPECT_EQ(shuffled->accuracy->right, 0) << "two of three neighbours bear the other label";
}

TEST_F(AnalysisTest, RanksStayBelowWidthAndSamples) {
    RankRequest request;
    request.modelId = id_;
    request.pictures = pictures(6);
    request.tokenLimit = 100;
    request.viewCount = 3;
    const auto result = analysis_.rank(request, job_);
    ASSERT_TRUE(result) << result.error().text();
    ASSERT_EQ(result->layers.size(), 4u);
    EXPECT_EQ(result->layers.back().layer, "summary");
    EXPECT_EQ(result->layers.back().samples, 6);
    for (const LayerRank& layer : result->layers) {
        EXPECT_GE(layer.rankMe, 1);
        EXPECT_LE(layer.rankMe, double(std::min(layer.width, layer.samples)) + 1e-3);
        ASSERT_TRUE(layer.lidar);
        EXPECT_LE(*layer.lidar, 6.01);
    }
    EXPECT_NEAR(result->layers[0].rankMe, result->layers[1].rankMe, 1e-3) << "rotation leaves the spectrum";
    const auto again = analysis_.rank(request, job_);
    ASSERT_TRUE(again);
    EXPECT_EQ(csvOf(*again), csvOf(*result)) << "same seed";
    request.seed = 1;
    EXPECT_NE(csvOf(*analysis_.rank(request, job_)), csvOf(*result)) << "another seed";
}

TEST_F(AnalysisTest, UnreadablePicturesAreListedAndStoppingStops) {
    NeighborRequest request;
    request.modelId = id_;
    request.pictures = pictures(3);
    request.pictures.paths.push_back("/no/such.png");
    std::ofstream(folder_ / "damaged.png") << "not a picture";
    request.pictures.paths.push_back((folder_ / "damaged.png").string());
    const auto result = analysis_.neighbors(request, job_);
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(result->pictureCount, 3);
    ASSERT_EQ(result->skipped.size(), 2u);
    EXPECT_EQ(result->skipped[0].path, "/no/such.png");
    EXPECT_FALSE(result->skipped[1].reason.empty());
    request.pictures.paths = {"/no/such.png"};
    EXPECT_EQ(analysis_.neighbors(request, job_).error().code, ErrorCode::InvalidFile);
    request.pictures.paths.clear();
    EXPECT_EQ(analysis_.neighbors(request, job_).error().code, ErrorCode::InvalidArgument);
    request.modelId = "gone";
    EXPECT_EQ(analysis_.neighbors(request, job_).error().code, ErrorCode::NotFound);

    std::stop_source stop;
    stop.request_stop();
    JobContext stopped(stop.get_token(), {});
    PatternRequest pattern;
    pattern.modelId = id_;
    pattern.pictures = pictures(3);
    EXPECT_EQ(analysis_.pattern(pattern, stopped).error().code, ErrorCode::Cancelled);
    pattern.pictures.paths.resize(1);
    EXPECT_EQ(analysis_.pattern(pattern, job_).error().code, ErrorCode::InvalidArgument)
        << "one picture has no average";
}

// The golden model's own logits are those of its own text and picture tensors; here the whole way from files
// is walked.
TEST_F(AnalysisTest, ZeroShotProbabilitiesFollowTheFamily) {
    VITRINE_SHARED_DATA(clip, "goldens/clip");
    VITRINE_SHARED_DATA(siglip, "goldens/siglip2_naflex");
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    ZeroShotRequest request;
    request.pictures.paths = {(photos / "dog.jpg").string(), (photos / "truck.jpg").string()};
    request.classes = {"a dog", "a truck", "a house"};
    const auto model = models_.load(clip, "cpu", "float32");
    ASSERT_TRUE(model) << model.error().text();
    request.modelId = (*model)->description.id;
    const auto softmax = analysis_.zeroShot(request, job_);
    ASSERT_TRUE(softmax) << softmax.error().text();
    EXPECT_FALSE(softmax->sigmoid);
    ASSERT_EQ(softmax->rows.size(), 2u);
    double sum = 0;
    for (const double probability : softmax->rows[0].probabilities)
        sum += probability;
    EXPECT_NEAR(sum, 1, 1e-5);
    // The same template twice averages to itself.
    request.templates = {"a photo of a {}.", "a photo of a {}."};
    const auto twice = analysis_.zeroShot(request, job_);
    ASSERT_TRUE(twice);
    EXPECT_NEAR(twice->rows[0].probabilities[0], softmax->rows[0].probabilities[0], 1e-5);
    request.templates = {"no place for the class"};
    EXPECT_EQ(analysis_.zeroShot(request, job_).error().code, ErrorCode::InvalidArgument);
    request.templates = {"{}"};
    request.classes = {"a dog"};
    EXPECT_EQ(analysis_.zeroShot(request, job_).error().code, ErrorCode::InvalidArgument)
        << "softmax over one class";
    const auto second = models_.load(siglip, "cpu", "float32");
    ASSERT_TRUE(second) << second.error().text();
    request.modelId = (*second)->description.id;
    const auto sigmoid = analysis_.zeroShot(request, job_);
    ASSERT_TRUE(sigmoid) << sigmoid.error().text();
    EXPECT_TRUE(sigmoid->sigmoid);
    request.modelId = id_;
    EXPECT_EQ(analysis_.zeroShot(request, job_).error().code, ErrorCode::Unsupported);
}

TEST_F(AnalysisTest, ViewsDependOnSeedAndPictureAlone) {
    Image image({20, 10}, 3, SampleType::U8);
    for (size_t index = 0; index < image.byteCount(); ++index)
        image.data()[index] = std::byte(index * 7 % 251);
    const auto bytes = [](const Image& view) {
        return std::vector<std::byte>(view.data(), view.data() + view.byteCount());
    };
    const auto a = augmentedViews(image, 2, 5, 1), b = augmentedViews(image, 2, 5, 1),
               c = augmentedViews(image, 2, 5, 2);
    ASSERT_TRUE(a && b && c);
    EXPECT_EQ(bytes((*a)[0]), bytes((*b)[0]));
    EXPECT_NE(bytes((*a)[0]), bytes((*a)[1]));
    EXPECT_NE(bytes((*a)[0]), bytes((*c)[0]));
    EXPECT_EQ((*a)[0].size(), image.size());
}

TEST_F(AnalysisTest, LabelsAreFoundByNameAndByPath) {
    const fs::path file = folder_ / "labels.csv";
    std::ofstream(file) << "file,number,class\na/1.jpg,7,\"dog, large\"\nb/1.jpg,8,cat\n2.jpg,9,bird\n";
    const std::vector<std::string> pictures = {"/x/a/1.jpg", "/x/b/1.jpg", "/y/2.jpg", "/y/3.jpg"};
    EXPECT_EQ(*labelsFromCsv(file, "", pictures),
              (std::vector<std::string>{"dog, large", "cat", "bird", ""}));
    EXPECT_EQ(*labelsFromCsv(file, "number", pictures), (std::vector<std::string>{"7", "8", "9", ""}));
    EXPECT_EQ(labelsFromCsv(file, "nummer", pictures).error().hint, "Did you mean \"number\"?");
    EXPECT_EQ(labelsFromCsv(file, "", {"/z/none.jpg"}).error().code, ErrorCode::NotFound);
    EXPECT_EQ(labelsFromFolders(pictures), (std::vector<std::string>{"a", "b", "y", "y"}));
}

}  // namespace vitrine
