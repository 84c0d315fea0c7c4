// E-RADIO and MambaVision as students: trained from scratch with batch normalisation.
#include "core/base/json.h"
#include "core/distill/distill_options.h"
#include "core/distill/student.h"
#include "core/models/model.h"
#include "core/nn/batch_norm.h"
#include "tests/core/distill/classroom.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using testing::Classroom;
using ::testing::HasSubstr;
using testing::samplePictures;
using testing::smallOptions;
using testing::TemporaryFolder;
using testing::trainFor;

struct LevelStudentTest : ::testing::TestWithParam<StudentTrunk> {
    DistillOptions lesson() const {
        DistillOptions lesson = smallOptions();
        lesson.student.trunk = GetParam();
        lesson.student.patchSize = GetParam() == StudentTrunk::Eradio ? 16 : 32;
        lesson.student.width = 8;
        lesson.student.depths = {1, 1, 2, 2};
        lesson.student.preferredSide = 64;
        lesson.student.headHidden = 24;
        lesson.partitions = {{{64}, 6, {}}};
        return lesson;
    }
    // With everything that a checkpoint must hold.
    DistillOptions wholeLesson() const {
        DistillOptions lesson = this->lesson();
        lesson.student.spectral = true;
        lesson.slowDecay = 0.9;
        lesson.mesaWeight = 0.5;
        lesson.weightNoise = 0.05;
        lesson.partitions = {{{64, 96}, 4, {}}, {{64}, 2, {"loud"}}};
        return lesson;
    }
    TemporaryFolder folder;
    Classroom classroom;
};

void expectSame(const torch::nn::Module& a, const torch::nn::Module& b) {
    const auto parameters = a.named_parameters();
    for (const auto& entry : b.named_parameters())
        EXPECT_TRUE(at::equal(parameters[entry.key()], entry.value())) << entry.key();
    const auto statistics = nn::batchStatistics(a);
    EXPECT_GT(statistics.size(), 10u);
    for (const auto& [name, value] : nn::batchStatistics(b))
        EXPECT_TRUE(at::equal(statistics.at(name), value)) << name;
}

TEST_P(LevelStudentTest, LearnsAndKeepsStatisticsOfWhatItSees) {
    const auto distiller = classroom.make(lesson());
    const StepReport first = trainFor(*distiller, 1), last = trainFor(*distiller, 39);
    EXPECT_LT(last.loss, 0.8 * first.loss);
    for (const auto& [name, value] : nn::batchStatistics(distiller->student())) {
        // E-RADIO's last norm belongs to a map that its features do not use.
        const bool unused = name.starts_with("radio_model.model.norm.");
        if (name.ends_with("num_batches_tracked"))
            EXPECT_EQ(value.item<int64_t>(), unused ? 0 : 40) << name;
    }
    // Running statistics stand for those of a batch: both ways of seeing agree roughly, an untrained mean of
    // zero does not.
    const at::NoGradGuard noGrad;
    const at::Tensor pixels = samplePictures(6, 64);
    nn::BatchStatistics statistics(distiller->student());
    const at::Tensor running = runStudent(distiller->student(), pixels, {}).features;
    const nn::BatchStatistics::Step training(statistics);
    const at::Tensor batch = runStudent(distiller->student(), pixels, {}).features;
    EXPECT_LT((running - batch).norm().item<double>(), 0.7 * batch.norm().item<double>());
    EXPECT_FALSE(at::equal(running, batch));
}

TEST_P(LevelStudentTest, ResumedRunHasTheSameBits) {
    const auto whole = classroom.make(wholeLesson()), start = classroom.make(wholeLesson()),
               resumed = classroom.make(wholeLesson());
    trainFor(*whole, 6);
    trainFor(*start, 2);
    ASSERT_TRUE(start->save(folder / "state.safetensors"));
    const auto restored = resumed->restore(folder / "state.safetensors");
    ASSERT_TRUE(restored) << restored.error().text();
    trainFor(*resumed, 4);
    expectSame(whole->student(), resumed->student());
    expectSame(whole->evaluated(), resumed->evaluated());
    ASSERT_TRUE(whole->save(folder / "whole.safetensors"));
    ASSERT_TRUE(resumed->save(folder / "resumed.safetensors"));
    const auto left = openTensors(folder / "whole.safetensors"),
               right = openTensors(folder / "resumed.safetensors");
    ASSERT_TRUE(left && right);
    const auto expected = readAllTensors(**left), found = readAllTensors(**right);
    ASSERT_TRUE(expected && found);
    ASSERT_EQ(expected->size(), found->size());
    for (const auto& [name, tensor] : *expected)
        EXPECT_TRUE(at::equal(tensor, found->at(name))) << name;
    int scales = 0, vectors = 0, slowScales = 0;
    for (const auto& [name, tensor] : *found) {
        scales += name.starts_with("spectral.") && name.ends_with(".scale");
        vectors += name.starts_with("spectral.") && name.ends_with(".u");
        slowScales += name.starts_with("slow.spectral.") && name.ends_with(".scale");
    }
    EXPECT_GT(scales, 8);
    EXPECT_EQ(vectors, scales);
    EXPECT_EQ(slowScales, scales);
}

// Within rounding: where no gradient is recorded, attention with a bias runs through another kernel.
TEST_P(LevelStudentTest, RecomputedActivationsCountOnceAndGiveTheSameGradients) {
    DistillOptions options = wholeLesson();
    std::map<std::string, at::Tensor> states[2];
    for (const bool recompute : {false, true}) {
        options.recompute = recompute;
        const auto distiller = classroom.make(options);
        trainFor(*distiller, 1);
        ASSERT_TRUE(distiller->save(folder / "state.safetensors"));
        const auto source = openTensors(folder / "state.safetensors");
        ASSERT_TRUE(source);
        auto state = readAllTensors(**source);
        ASSERT_TRUE(state);
        for (auto& [name, tensor] : *state)
            states[recompute ? 1 : 0][name] = tensor.clone();
    }
    int compared = 0;
    for (const auto& [name, plain] : states[0]) {
        const at::Tensor& again = states[1].at(name);
        if (name.ends_with("num_batches_tracked"))
            EXPECT_TRUE(at::equal(plain, again)) << name;
        if (!name.ends_with(".first") && name.find("running_") == std::string::npos)
            continue;
        ++compared;
        const double size = plain.abs().max().item<double>();
        EXPECT_LT((plain - again).abs().max().item<double>(), 1e-3 * size + 1e-7) << name;
    }
    EXPECT_GT(compared, 50);
}

TEST_P(LevelStudentTest, ExportLoadsWithTheSameOutputs) {
    for (const bool slow : {false, true}) {
        DistillOptions options = lesson();
        options.student.spectral = true;
        options.slowDecay = slow ? 0.8 : 0;
        const auto distiller = classroom.make(options);
        trainFor(*distiller, 4);
        ASSERT_TRUE(distiller->exportFolder(folder / "student", at::kFloat));
        const auto loaded = loadModel(folder / "student", {});
        ASSERT_TRUE(loaded) << loaded.error().text();
        const bool eradio = GetParam() == StudentTrunk::Eradio;
        EXPECT_EQ((*loaded)->family(), eradio ? "radio" : "mambavision");
        const EncoderInfo& info = (*loaded)->encoder()->info();
        EXPECT_EQ(info.patchSize, options.student.patchSize);
        EXPECT_EQ(info.adaptors, (std::vector<std::string>{"loud", "quiet"}));
        const at::NoGradGuard noGrad;
        for (const int64_t side : {64, 96}) {
            const at::Tensor pixels = samplePictures(2, side);
            at::Tensor seen = pixels;
            if (!eradio)
                seen = (pixels - at::tensor({0.485, 0.456, 0.406}, at::kFloat).view({1, 3, 1, 1})) /
                       at::tensor({0.229, 0.224, 0.225}, at::kFloat).view({1, 3, 1, 1});
            EncodeRequest request;
            request.adaptors = info.adaptors;
            const auto output = (*loaded)->encoder()->encode(seen, request);
            ASSERT_TRUE(output) << output.error().text();
            const StudentOutput own = runStudent(distiller->evaluated(), pixels, {});
            EXPECT_TRUE(at::allclose(output->features, own.features, 1e-4, 1e-4)) << side;
            EXPECT_TRUE(at::allclose(output->adaptors.at("quiet").summary, own.heads.at("quiet").summary,
                                     1e-4, 1e-4));
            for (const char* name : {"quiet", "loud"}) {
                const auto expected = distiller->teacherSpace(name, own.heads.at(name).features);
                ASSERT_TRUE(expected);
                EXPECT_TRUE(at::allclose(output->adaptors.at(name).features, *expected, 1e-4, 1e-4)) << name;
            }
        }
    }
}

TEST_P(LevelStudentTest, ExportHasThePublishedNames) {
    const auto distiller = classroom.make(lesson());
    trainFor(*distiller, 2);
    ASSERT_TRUE(distiller->exportFolder(folder / "student", at::kBFloat16));
    const auto source = openTensors(folder / "student" / "model.safetensors");
    ASSERT_TRUE(source);
    const std::vector<std::string> names =
        GetParam() == StudentTrunk::Eradio
            ? std::vector<
                  std::string>{"patch_embed.conv_down.0.conv.weight",
                               "patch_embed.conv_down.2.bn.running_var",
                               "levels.0.blocks.cv1.bn.num_batches_tracked",
                               "levels.1.blocks.m.0.cv2.conv.weight",
                               "levels.2.downsample.reduction.bn.running_mean",
                               "levels.2.blocks.1.attention_blocks.0.upsample_op.bias",
                               "levels.2.blocks.0.attention_blocks.1.pre_conv.conv.weight",
                               "levels.3.blocks.0.attention_blocks.0.attn.pos_emb_funct.cpb_mlp.2.weight",
                               "levels.3.blocks.0.attention_blocks.0.attn.qkv.weight",
                               "high_res_neck.neck_features_proj.1.conv2.bias",
                               "norm.running_mean"}
            : std::vector<std::string>{"patch_embed.conv_down.0.weight",
                                       "patch_embed.conv_down.4.running_mean",
                                       "levels.1.blocks.0.norm2.num_batches_tracked",
                                       "levels.2.downsample.reduction.0.weight",
                                       "levels.2.blocks.0.mixer.A_log",
                                       "levels.2.blocks.0.mixer.conv1d_z.weight",
                                       "levels.3.blocks.1.mixer.qkv.bias",
                                       "norm.running_var"};
    const std::string prefix = GetParam() == StudentTrunk::Eradio ? "radio_model.model." : "model.";
    for (const std::string& name : names) {
        const TensorInfo* info = (*source)->find(prefix + name);
        ASSERT_TRUE(info) << name;
        const bool statistic = name.find("running_") != std::string::npos;
        if (name.find("num_batches") == std::string::npos)
            EXPECT_EQ(info->dtype, statistic ? DType::F32 : DType::BF16) << name;
        else
            EXPECT_EQ(info->dtype, DType::I64) << name;
    }
    EXPECT_FALSE((*source)->find(prefix + "head.weight"));
    const auto loaded = loadModel(folder / "student", {});
    EXPECT_TRUE(loaded) << loaded.error().text();
}

TEST_P(LevelStudentTest, WhatCannotBeTrainedIsRefused) {
    const auto refusal = [&](const auto& change) {
        DistillOptions options = lesson();
        change(options);
        const auto made =
            Distiller::create(options, {classroom.quiet.get(), classroom.loud.get()}, classroom.source);
        EXPECT_FALSE(made);
        return made ? Error{} : made.error();
    };
    const Error one = refusal([](DistillOptions& o) { o.partitions[0].batch = 1; });
    EXPECT_EQ(one.where, "settings/partitions/0/batch");
    EXPECT_THAT(one.message, HasSubstr("batch normalisation"));
    EXPECT_EQ(refusal([](DistillOptions& o) { o.student.patchSize = 8; }).where, "student/patch_size");
    EXPECT_EQ(refusal([](DistillOptions& o) { o.student.depths = {1, 2}; }).where, "student/depths");
    EXPECT_EQ(refusal([](DistillOptions& o) { o.student.width = 9; }).where, "student/width");
    EXPECT_EQ(refusal([](DistillOptions& o) { o.student.window = 65; }).where, "student/window");
    EXPECT_EQ(refusal([](DistillOptions& o) { o.student.startFrom = "somewhere"; }).where,
              "student/start_from");
    const Error windows = refusal([](DistillOptions& o) { o.windowSizes = {4}; });
    EXPECT_THAT(windows.message, HasSubstr("no attention windows"));
    const Error side = refusal([](DistillOptions& o) { o.partitions[0].sides = {48}; });
    EXPECT_THAT(side.message, HasSubstr("stride of 32"));
    const auto size = studentVariant(GetParam(), "XS");
    ASSERT_FALSE(size);
    EXPECT_THAT(size.error().hint, HasSubstr("tiny"));
}

TEST_P(LevelStudentTest, AnotherStudentsCheckpointIsRefused) {
    const auto distiller = classroom.make(lesson());
    trainFor(*distiller, 1);
    ASSERT_TRUE(distiller->save(folder / "state.safetensors"));
    DistillOptions spectral = lesson();
    spectral.student.spectral = true;
    EXPECT_FALSE(classroom.make(spectral)->restore(folder / "state.safetensors"));
    auto state = openTensors(folder / "state.safetensors");
    ASSERT_TRUE(state);
    auto tensors = readAllTensors(**state);
    ASSERT_TRUE(tensors);
    std::erase_if(*tensors, [](const auto& entry) { return entry.first.ends_with("running_mean"); });
    ASSERT_TRUE(writeTensors(folder / "less.safetensors", *tensors, (*state)->metadata()));
    const auto refused = classroom.make(lesson())->restore(folder / "less.safetensors");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), HasSubstr("running statistics"));
}

INSTANTIATE_TEST_SUITE_P(Trunks, LevelStudentTest,
                         ::testing::Values(StudentTrunk::Eradio, StudentTrunk::MambaVision),
                         [](const auto& each) {
                             return each.param == StudentTrunk::Eradio ? "Eradio" : "MambaVision";
                         });

TEST(LevelStudent, NamedSizesAreThePublishedOnes) {
    const auto large = studentVariant(StudentTrunk::Eradio, "L");
    ASSERT_TRUE(large);
    EXPECT_EQ(large->width, 192);
    EXPECT_EQ(large->depths, (std::vector<int64_t>{3, 3, 5, 5}));
    StudentOptions options;
    options.trunk = StudentTrunk::MambaVision;
    options.patchSize = 32;
    options.preferredSide = 224;
    const auto tiny = studentVariant(StudentTrunk::MambaVision, "T");
    ASSERT_TRUE(tiny);
    options.width = tiny->width;
    options.depths = tiny->depths;
    const auto student = openStudent(options, 0);
    ASSERT_TRUE(student) << student.error().text();
    int64_t count = 0;
    for (const at::Tensor& parameter : (*student)->parameters())
        count += parameter.numel();
    const int64_t classifier = 640 * 1000 + 1000;
    EXPECT_EQ((count + classifier) / 1000, 31794);
}

}  // namespace
}  // namespace vitrine
