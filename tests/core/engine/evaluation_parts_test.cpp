// Zero-shot classification and adaptor heads against teachers, with models whose answers are known: features
// are mean colours, texts name colours, and one head turns into another model at high resolution.
#include "core/engine/imitation_evaluation.h"
#include "core/engine/zero_shot_evaluation.h"
#include "core/media/image_writer.h"
#include "core/nn/weights.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPatch = 8, kHome = 32;
const std::vector<std::string> kColours{"red", "green", "blue"};

class ColourModel : public Model, public VisionEncoder, public TextEncoder {
  public:
    ColourModel() {
        info_.family = info_.name = "colours";
        info_.patchSize = info_.sizeMultiple = kPatch;
        info_.preferredHeight = info_.preferredWidth = kHome;
        info_.layerCount = 1;
        info_.featureWidth = info_.summaryWidth = 3;
        info_.normalizesItself = true;
        info_.adaptors = {"clip", "narrow", "switching"};
    }
    std::string family() const override { return "colours"; }
    const VisionEncoder* encoder() const override { return this; }
    const TextEncoder* textEncoder() const override { return this; }
    const EncoderInfo& info() const override { return info_; }
    Result<TensorMap> runCall(const ModelCall&) const override {
        return fail(ErrorCode::Unsupported, "none");
    }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        EncoderOutput output;
        output.features = at::avg_pool2d(pixels, kPatch);
        output.summary = output.features.mean({2, 3});
        if (!request.layers.empty())
            output.layers.push_back({output.features * 2, {}});
        // The head of the text space names the colour after the picture's: red is read as green.
        output.adaptors["clip"] = {output.summary.roll({1}, {1}), output.features};
        output.adaptors["narrow"] = {output.summary.narrow(1, 0, 2), output.features.narrow(1, 0, 2)};
        const bool away = pixels.size(3) > kHome;
        output.adaptors["switching"] = {output.summary, away ? output.features.flip({1}) : output.features};
        return output;
    }

    int64_t contextLength() const override { return 1; }
    Result<at::Tensor> encodeText(const at::Tensor& ids, const at::Tensor&) const override {
        return 7 * at::one_hot(ids.flatten(), 3).to(at::kFloat);
    }
    Result<at::Tensor> imageEmbedding(const at::Tensor& pixels) const override { return pixels.mean({2, 3}); }
    Result<at::Tensor> denseEmbedding(const at::Tensor& pixels) const override { return pixels; }
    double logitScale() const override { return 1; }

  private:
    EncoderInfo info_;
};

class EvaluationParts : public ::testing::Test {
  protected:
    void SetUp() override {
        static const bool added = [] {
            ModelFamilies::instance().add(
                {"colours", "answers are known",
                 [](const ModelFolder& folder) { return folder.modelType() == "colours"; },
                 [](const ModelFolder&, const LoadOptions&) -> Result<std::unique_ptr<Model>> {
                     return std::make_unique<ColourModel>();
                 }});
            return true;
        }();
        (void)added;
        fs::create_directories(folder_ / "model");
        std::ofstream(folder_ / "model" / "config.json") << R"({"model_type": "colours"})";
        ASSERT_TRUE(writeTensors(folder_ / "model" / "model.safetensors", {{"known", at::zeros({1})}}));
        const auto loaded = store_.load(folder_ / "model", "cpu", "float32");
        ASSERT_TRUE(loaded) << loaded.error().text();
        for (StoredModel* model : {&plain_, &texts_}) {
            model->description = (*loaded)->description;
            model->preprocess = (*loaded)->preprocess;
            model->model = std::make_unique<ColourModel>();
        }
        texts_.textTokens = [](const std::string& sentence, int64_t) -> Result<TextTokens> {
            for (size_t colour = 0; colour < kColours.size(); ++colour)
                if (sentence.find(kColours[colour]) != std::string::npos)
                    return TextTokens{at::full({1, 1}, int64_t(colour), at::kLong), {}};
            return fail(ErrorCode::InvalidArgument, "no colour");
        };
        settings_.batch = 4;
    }
    // Grows brighter to the right and darker downwards around a colour, so that no two cells are alike.
    std::string picture(const std::string& name, size_t colour, int tone) {
        Image image({96, 96}, 3, SampleType::U8);
        for (int64_t y = 0; y < 96; ++y)
            for (int64_t x = 0; x < 96; ++x)
                for (size_t channel = 0; channel < 3; ++channel) {
                    const int64_t base = channel == colour ? 150 : 30 + tone;
                    image.row<uint8_t>(y)[3 * x + int64_t(channel)] =
                        uint8_t(base + (channel == 0   ? x / 2
                                        : channel == 1 ? y / 2
                                                       : (x + y) / 4));
                }
        const fs::path file = folder_ / name;
        EXPECT_TRUE(writeImage(file, image));
        return file.string();
    }
    // Vertical stripes, dark and light.
    std::string stripes(int64_t width, int64_t height, int64_t stripe) {
        Image image({width, height}, 3, SampleType::U8);
        for (int64_t y = 0; y < height; ++y)
            for (int64_t x = 0; x < width; ++x)
                std::fill_n(image.row<uint8_t>(y) + 3 * x, 3, uint8_t(x / stripe % 2 ? 230 : 20));
        const fs::path file = folder_ / fmt::format("stripes {} {}.png", width, stripe);
        EXPECT_TRUE(writeImage(file, image));
        return file.string();
    }
    // Classes in the order blue, green, red; one of the six pictures has a wrong label.
    ClassifiedPictures labelled() {
        ClassifiedPictures set;
        set.classes = {"blue", "green", "red"};
        for (int index = 0; index < 6; ++index) {
            const size_t colour = size_t(index % 3);
            set.paths.push_back(picture(fmt::format("{}.png", index), colour, index));
            set.labels.push_back(2 - int64_t(colour));
        }
        set.labels[5] = 1;
        return set;
    }

    testing::TemporaryFolder folder_;
    ModelStore store_;
    StoredModel plain_, texts_;
    EvaluationSettings settings_;
    JobContext job_;
};

TEST_F(EvaluationParts, TextsClassifyPictures) {
    const auto reading = textReadingOf(texts_, nullptr, "");
    ASSERT_TRUE(reading);
    EXPECT_TRUE(reading->adaptor.empty());
    const auto scores =
        classifyByTexts(texts_, *reading, labelled(), {"a {} picture", "{}"}, settings_, job_);
    ASSERT_TRUE(scores) << scores.error().text();
    EXPECT_EQ(scores->count, 6);
    EXPECT_DOUBLE_EQ(scores->top1, 5.0 / 6);
    EXPECT_DOUBLE_EQ(scores->top5, 1);
    EXPECT_DOUBLE_EQ(scores->chance, 0.5);
    // The blue picture that is labelled green.
    EXPECT_EQ(scores->confusion[1][0].item<int64_t>(), 1);
    EXPECT_EQ(scores->confusion[1][1].item<int64_t>(), 2);
    EXPECT_EQ(scores->confusion.sum().item<int64_t>(), 6);
}

TEST_F(EvaluationParts, AStudentIsReadThroughItsAdaptor) {
    const auto reading = textReadingOf(plain_, &texts_, "");
    ASSERT_TRUE(reading) << reading.error().text();
    EXPECT_EQ(reading->adaptor, "clip");
    // This head names red pictures green and so on: no label is right but the wrong one.
    const auto scores = classifyByTexts(plain_, *reading, labelled(), {"{}"}, settings_, job_);
    ASSERT_TRUE(scores) << scores.error().text();
    EXPECT_DOUBLE_EQ(scores->top1, 0);
    EXPECT_EQ(scores->confusion[2][1].item<int64_t>(), 2);  // red is said to be green
    EXPECT_EQ(scores->confusion[1][2].item<int64_t>(), 1);  // blue, labelled green, is said to be red
    // Another head of the right width; one of another.
    const auto straight = classifyByTexts(plain_, *textReadingOf(plain_, &texts_, "switching"), labelled(),
                                          {"{}"}, settings_, job_);
    EXPECT_DOUBLE_EQ(straight->top1, 5.0 / 6);
    const auto narrow = classifyByTexts(plain_, *textReadingOf(plain_, &texts_, "narrow"), labelled(), {"{}"},
                                        settings_, job_);
    EXPECT_EQ(narrow.error().code, ErrorCode::ShapeMismatch);
    for (const auto& refused : {textReadingOf(plain_, nullptr, ""), textReadingOf(plain_, &plain_, ""),
                                textReadingOf(plain_, &texts_, "no")})
        EXPECT_EQ(refused.error().code, ErrorCode::InvalidArgument);
    EXPECT_NE(textReadingOf(plain_, nullptr, "").error().hint.find("settings.text_model"), std::string::npos);
    EXPECT_NE(textReadingOf(plain_, &texts_, "no").error().hint.find("settings.text_adaptor"),
              std::string::npos);
    EXPECT_EQ(classifyByTexts(texts_, *textReadingOf(texts_, nullptr, ""), labelled(), {"no place"},
                              settings_, job_)
                  .error()
                  .code,
              ErrorCode::InvalidArgument);
}

TEST_F(EvaluationParts, ErrorToTeachersShowsTheModeSwitch) {
    std::vector<std::string> pictures = labelled().paths;
    pictures.push_back((folder_ / "missing.png").string());
    std::vector<TeacherMaps> teachers;
    for (const char* name : {"clip", "switching"}) {
        auto maps = mapsOfTeacher(plain_, {name, "", "", -1, kHome}, pictures, settings_, 0, job_);
        ASSERT_TRUE(maps) << maps.error().text();
        EXPECT_EQ(maps->side, kHome);
        EXPECT_EQ(maps->skipped.size(), 1u);
        EXPECT_FALSE(maps->features.back().defined());
        teachers.push_back(std::move(*maps));
    }
    const auto at = [&](int64_t side) {
        EvaluationSettings settings = settings_;
        settings.resolution = side;
        auto found = imitate(plain_, teachers, pictures, settings, 2, job_);
        EXPECT_TRUE(found) << found.error().text();
        return *found;
    };
    const Imitations home = at(kHome), away = at(2 * kHome);
    EXPECT_NEAR(home.teachers[0].scores.error, 0, 1e-9);
    EXPECT_NEAR(home.teachers[1].scores.error, 0, 1e-9);
    EXPECT_EQ(home.teachers[0].scores.pictures, 6);
    EXPECT_NEAR(*home.teachers[1].scores.summaryCosine, 1, 1e-6);
    EXPECT_LT(*home.teachers[0].scores.summaryCosine, 0.99);
    // A finer look at the same colours differs by resampling only; the other head has switched.
    EXPECT_LT(away.teachers[0].scores.error, 0.02);
    EXPECT_GT(away.teachers[1].scores.error, 0.5);
    ASSERT_EQ(away.teachers[1].pictures.size(), 2u);
    EXPECT_EQ(away.teachers[1].pictures[0].first, "0");
    EXPECT_GT(away.teachers[1].pictures[0].second.width(), 3 * 200);
}

// A teacher that says other things at other resolutions, and a student that learned it at each: at the
// resolution of the teacher alone the student looks worse than its loss.
TEST_F(EvaluationParts, TeachersSeeWhatTheStudentSeesWhereTheyAreAskedTo) {
    const std::vector<std::string> pictures = labelled().paths;
    const ImitatedTeacher teacher{"switching", "", "switching", -1, 0};
    const auto errorAt = [&](int64_t side, int64_t teachersView) {
        const auto maps = mapsOfTeacher(plain_, teacher, pictures, settings_, teachersView, job_);
        EXPECT_TRUE(maps) << maps.error().text();
        EXPECT_EQ(maps->side, teachersView > 0 ? (teachersView + kPatch / 2) / kPatch * kPatch : kHome);
        EXPECT_STREQ(teacherViewName(maps->view), teachersView > 0 ? "student" : "own");
        EvaluationSettings settings = settings_;
        settings.resolution = side;
        const auto found = imitate(plain_, {*maps}, pictures, settings, 0, job_);
        EXPECT_TRUE(found) << found.error().text();
        return found->teachers[0].scores.error;
    };
    EXPECT_GT(errorAt(2 * kHome, 0), 0.5);
    EXPECT_LT(errorAt(2 * kHome, squareSide(plain_, 2 * kHome)), 1e-4);
    EXPECT_LT(errorAt(kHome, kHome), 1e-4);
    EXPECT_EQ(squareSide(plain_, 0), kHome);
    EXPECT_EQ(squareSide(plain_, 3 * kPatch + 1), 3 * kPatch);
    // With a side of its own it looks at that, but sees no more than the student does: of stripes as wide as
    // its cells nothing, where two of them fall into one pixel of the student.
    const std::string striped = stripes(96, 96, 12);
    ImitatedTeacher large = teacher;
    large.adaptor = "";
    large.side = 2 * kHome;
    const auto fine = mapsOfTeacher(plain_, large, {striped}, settings_, 0, job_);
    const auto coarse = mapsOfTeacher(plain_, large, {striped}, settings_, 4, job_);
    ASSERT_TRUE(fine && coarse);
    EXPECT_EQ(coarse->side, 2 * kHome);
    const auto detail = [](const at::Tensor& map) { return map.std().item<double>(); };
    EXPECT_LT(detail(coarse->features.front()), 0.2 * detail(fine->features.front()));
}

// A teacher of one size would pad or crop a picture that is no square.
TEST_F(EvaluationParts, TeachersOfOneSizeSeeTheWholePictureToo) {
    const std::string path = stripes(96, 48, 48);
    plain_.preprocess.shortestEdge = kHome;
    plain_.preprocess.centerCrop = true;
    plain_.preprocess.cropSize = ImageSize{kHome, kHome};
    const ImitatedTeacher teacher{"clip", "", "", -1, 0};
    const auto free = mapsOfTeacher(plain_, teacher, {path}, settings_, 0, job_);
    plain_.description.info.fixedSize = true;
    const auto fixed = mapsOfTeacher(plain_, teacher, {path}, settings_, 0, job_);
    ASSERT_TRUE(free && fixed);
    EXPECT_LT((free->features.front() - fixed->features.front()).abs().max().item<double>(), 0.02);
}

TEST_F(EvaluationParts, TeachersOfALayerAndWhatIsRefused) {
    const std::vector<std::string> pictures = labelled().paths;
    const auto layer = mapsOfTeacher(plain_, {"clip", "", "", 1, kHome}, pictures, settings_, 0, job_);
    ASSERT_TRUE(layer) << layer.error().text();
    EXPECT_FALSE(layer->summaries.front().defined());
    const auto twice = imitate(plain_, {*layer}, pictures, settings_, 0, job_);
    ASSERT_TRUE(twice);
    EXPECT_GT(twice->teachers[0].scores.error, 0.25);  // the layer is twice as loud
    EXPECT_NEAR(twice->teachers[0].scores.cosine, 1, 1e-6);
    EXPECT_TRUE(twice->teachers[0].pictures.empty());
    EXPECT_EQ(mapsOfTeacher(plain_, {"clip", "", "", 5, 0}, pictures, settings_, 0, job_).error().code,
              ErrorCode::InvalidArgument);
    EXPECT_EQ(mapsOfTeacher(plain_, {"clip", "", "none", -1, 0}, pictures, settings_, 0, job_).error().code,
              ErrorCode::InvalidArgument);
    auto other = *layer;
    other.name = "narrow";
    EXPECT_EQ(imitate(plain_, {other}, pictures, settings_, 0, job_).error().code, ErrorCode::ShapeMismatch);
    other.name = "unknown";
    EXPECT_EQ(imitate(plain_, {other}, pictures, settings_, 0, job_).error().code,
              ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace vitrine
