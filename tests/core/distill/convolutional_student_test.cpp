// Students with a convolutional trunk that starts from an EfficientNet-Lite.
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/distill/student.h"
#include "core/models/model.h"
#include "tests/core/distill/classroom.h"
#include "tests/core/distill/small_efficientnet.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

using testing::Classroom;
using testing::smallOptions;
using testing::TemporaryFolder;
using testing::trainFor;
using testing::writeSmallEfficientNet;

struct ConvolutionalStudentTest : ::testing::Test {
    ConvolutionalStudentTest() {
        writeSmallEfficientNet(folder / "start.safetensors");
        options.trunk = StudentTrunk::Convolutional;
        options.startFrom = folder / "start.safetensors";
        options.width = 12;
        options.depth = 1;
        options.patchSize = 8;
        options.headHidden = 16;
        options.preferredSide = 64;
        options.teachers = {{"first", 20, 24}, {"second", 0, 16}};
    }
    DistillOptions lesson() const {
        DistillOptions lesson = smallOptions();
        lesson.student = options;
        lesson.partitions = {{{32, 64}, 4, {}}};
        lesson.slowDecay = 0.9;
        lesson.degrade = 0.5;
        return lesson;
    }

    TemporaryFolder folder;
    StudentOptions options;
};

TEST_F(ConvolutionalStudentTest, ExportedFolderLoadsAsRadioWithTheSameOutputs) {
    const at::NoGradGuard noGrad;
    const auto student = openStudent(options, 3);
    ASSERT_TRUE(student) << student.error().text();
    ASSERT_TRUE(writeStudentFolder(folder / "student", **student, options, at::kFloat));
    const auto loaded = loadModel(folder / "student", {});
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ((*loaded)->family(), "radio");
    const EncoderInfo& info = (*loaded)->encoder()->info();
    EXPECT_EQ(info.name, "student");
    EXPECT_EQ(info.sizeMultiple, 32);
    EXPECT_EQ(info.summaryWidth, 24);
    at::manual_seed(0);
    const at::Tensor pixels = at::rand({2, 3, 64, 96});
    const StudentOutput expected = runStudent(**student, pixels, {});
    EncodeRequest request;
    request.adaptors = {"first", "second"};
    request.layers = {0, info.layerCount};
    const auto output = (*loaded)->encoder()->encode(pixels, request);
    ASSERT_TRUE(output) << output.error().text();
    EXPECT_EQ(output->features.sizes(), at::IntArrayRef({2, 12, 8, 12}));
    EXPECT_TRUE(at::allclose(output->features, expected.features, 1e-5, 1e-5));
    EXPECT_TRUE(at::equal(output->layers[1].features, output->features));
    for (const auto& [name, head] : expected.heads)
        EXPECT_TRUE(at::allclose(output->adaptors.at(name).features, head.features, 1e-5, 1e-5)) << name;
    EXPECT_TRUE(
        at::allclose(output->adaptors.at("first").summary, expected.heads.at("first").summary, 1e-5, 1e-5));
    EXPECT_FALSE(expected.heads.at("second").summary.defined());
}

TEST_F(ConvolutionalStudentTest, DamagedConfigurationsAreRefusedWithTheirPlace) {
    const auto student = openStudent(options, 3);
    ASSERT_TRUE(student) << student.error().text();
    ASSERT_TRUE(writeStudentFolder(folder / "student", **student, options, at::kFloat));
    const auto whole = readJsonFile(folder / "student" / "config.json");
    ASSERT_TRUE(whole);
    const std::vector<std::pair<std::string, Json>> damages{
        {"/args/model_kwargs/blocks", nullptr},
        {"/args/model_kwargs/blocks", Json::array()},
        {"/args/model_kwargs/blocks/1", {6, 8, "wide", 5, 2}},
        {"/args/model_kwargs/blocks/1", {6, 8, 12, 5, 3}},
        {"/args/model_kwargs/blocks/2/0", 9},
        {"/args/model_kwargs/neck_width", -1},
        {"/args/model_kwargs/neck_blocks", 1000},
        {"/patch_size", 7},
        {"/preferred_resolution", {64, 32}},
        {"/adaptor_configs/first/feature/input_dim", 13},
    };
    for (const auto& [pointer, value] : damages) {
        Json damaged = *whole;
        damaged[Json::json_pointer(pointer)] = value;
        ASSERT_TRUE(writeFileAtomically(folder / "student" / "config.json", damaged.dump()));
        const auto model = loadModel(folder / "student", {});
        ASSERT_FALSE(model) << pointer;
        EXPECT_NE(model.error().text().find("config.json"), std::string::npos) << model.error().text();
    }
}

TEST_F(ConvolutionalStudentTest, StartsWithTheWeightsItIsGiven) {
    const at::NoGradGuard noGrad;
    const auto student = openStudent(options, 3);
    ASSERT_TRUE(student) << student.error().text();
    const auto source = openTensors(options.startFrom);
    ASSERT_TRUE(source);
    const auto start = readAllTensors(**source);
    ASSERT_TRUE(start);
    auto tensors = (*student)->named_parameters();
    for (const auto& entry : (*student)->named_buffers())
        tensors.insert(entry.key(), entry.value());
    for (const auto& [name, tensor] : *start)
        EXPECT_TRUE(at::equal(tensors["radio_model.model." + name], tensor)) << name;
}

TEST_F(ConvolutionalStudentTest, GoesOnFromAnEarlierStudent) {
    const at::NoGradGuard noGrad;
    const auto first = openStudent(options, 3);
    ASSERT_TRUE(first) << first.error().text();
    ASSERT_TRUE(writeStudentFolder(folder / "first", **first, options, at::kFloat));
    StudentOptions again = options;
    again.startFrom = folder / "first";
    again.teachers.push_back({"third", 8, 8});
    const auto second = openStudent(again, 9);
    ASSERT_TRUE(second) << second.error().text();
    at::manual_seed(0);
    const at::Tensor pixels = at::rand({1, 3, 64, 64});
    const StudentOutput before = runStudent(**first, pixels, {}), after = runStudent(**second, pixels, {});
    EXPECT_TRUE(at::equal(before.features, after.features));
    EXPECT_TRUE(at::equal(before.heads.at("first").summary, after.heads.at("first").summary));
    EXPECT_TRUE(after.heads.contains("third"));
    // The stored last layer of a feature head is folded with the normaliser: it is not taken.
    EXPECT_FALSE(at::equal(before.heads.at("first").features, after.heads.at("first").features));
    again.width = 20;  // another neck begins afresh on the same trunk
    const auto wider = openStudent(again, 9);
    ASSERT_TRUE(wider) << wider.error().text();
    EXPECT_EQ(runStudent(**wider, pixels, {}).features.size(1), 20);
}

TEST_F(ConvolutionalStudentTest, FrozenTrunkKeepsItsWeightsWhileNeckAndHeadsLearn) {
    DistillOptions wanted = lesson();
    wanted.trunkFrozenSteps = 10;
    Classroom classroom;
    const auto distiller = classroom.make(wanted);
    const auto before = copyStudent(distiller->student());
    trainFor(*distiller, 3);
    auto old = before->named_parameters();
    for (const auto& entry : distiller->student().named_parameters()) {
        const bool same = at::equal(old[entry.key()], entry.value());
        EXPECT_EQ(same, ConvolutionalRadioModule::isTrunk(entry.key())) << entry.key();
    }
}

TEST_F(ConvolutionalStudentTest, ResumedRunHasTheSameBits) {
    Classroom classroom;
    const auto whole = classroom.make(lesson()), start = classroom.make(lesson()),
               resumed = classroom.make(lesson());
    trainFor(*whole, 6);
    trainFor(*start, 2);
    ASSERT_TRUE(start->save(folder / "state.safetensors"));
    const auto restored = resumed->restore(folder / "state.safetensors");
    ASSERT_TRUE(restored) << restored.error().text();
    trainFor(*resumed, 4);
    const auto left = whole->evaluated().named_parameters();
    for (const auto& entry : resumed->evaluated().named_parameters())
        EXPECT_TRUE(at::equal(left[entry.key()], entry.value())) << entry.key();
}

TEST_F(ConvolutionalStudentTest, RefusesWhatItCannotStartFrom) {
    DistillOptions wanted = lesson();
    wanted.student.startFrom.clear();
    wanted.teachers = {{.name = "one"}};
    ASSERT_FALSE(wanted.validate());
    EXPECT_EQ(wanted.validate().error().where, "student/start_from");
    wanted.student.startFrom = folder / "start.safetensors";
    ASSERT_TRUE(wanted.validate());
    wanted.partitions = {{{40}, 4, {}}};
    ASSERT_FALSE(wanted.validate());
    EXPECT_EQ(wanted.validate().error().where, "settings/partitions/0/sides");

    ASSERT_TRUE(writeTensors(folder / "other.safetensors", {{"layer.weight", at::ones({2, 2})}}));
    options.startFrom = folder / "other.safetensors";
    const auto other = openStudent(options, 0);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::Unsupported);
    options.startFrom = folder / "none";
    ASSERT_FALSE(openStudent(options, 0));

    StudentOptions vit;
    vit.startFrom = folder / "start.safetensors";
    ASSERT_FALSE(vit.validate());
    EXPECT_EQ(vit.validate().error().where, "student/start_from");
}

// An encoder that counts its passes: layer k is the pixels' mean times k + 1.
class CountingModel : public Model, public VisionEncoder {
  public:
    CountingModel() {
        info_.name = "counting";
        info_.layerCount = 3;
        info_.patchSize = info_.sizeMultiple = 8;
        info_.preferredHeight = info_.preferredWidth = 16;
    }
    std::string family() const override { return "counting"; }
    const VisionEncoder* encoder() const override { return this; }
    const EncoderInfo& info() const override { return info_; }
    Result<TensorMap> runCall(const ModelCall&) const override { return TensorMap{}; }
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        ++passes;
        EncoderOutput output;
        output.features = at::avg_pool2d(pixels, {8, 8});
        output.summary = output.features.mean({2, 3});
        for (const int64_t layer : request.layers)
            output.layers.push_back({output.features * double(layer + 1), {}});
        return output;
    }
    mutable int passes = 0;

  private:
    EncoderInfo info_;
};

TEST(EncoderTeacher, TeachersOfOneEncoderShareItsPassesAndTakeTheirLayers) {
    const auto model = std::make_shared<CountingModel>();
    const auto passes = std::make_shared<SharedPasses>(model);
    std::vector<std::unique_ptr<Teacher>> teachers;
    for (const int64_t layer : {-1, 2, 1}) {
        EncoderTeacherOptions options;
        options.name = fmt::format("layer {}", layer);
        options.layer = layer;
        auto teacher = makeEncoderTeacher(passes, options);
        ASSERT_TRUE(teacher) << teacher.error().text();
        teachers.push_back(std::move(*teacher));
    }
    at::manual_seed(0);
    for (int batch = 0; batch < 2; ++batch) {
        const at::Tensor pixels = at::rand({2, 3, 16, 16});
        const int before = model->passes;
        for (size_t i = 0; i < teachers.size(); ++i) {
            const auto seen = teachers[i]->look(pixels.clone());
            ASSERT_TRUE(seen) << seen.error().text();
            const double factor = i == 0 ? 1 : i == 1 ? 3 : 2;
            EXPECT_TRUE(at::allclose(seen->features, factor * at::avg_pool2d(pixels, {8, 8}))) << i;
        }
        EXPECT_EQ(model->passes, before + 1);
    }
}

}  // namespace
}  // namespace vitrine
