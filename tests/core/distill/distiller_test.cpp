#include "tests/core/distill/classroom.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

using testing::Classroom;
using testing::patchTeacher;
using testing::samplePictures;
using testing::smallOptions;
using testing::TemporaryFolder;
using testing::trainFor;

void expectSameWeights(const Distiller& a, const Distiller& b) {
    const auto left = a.student().named_parameters();
    for (const auto& entry : b.student().named_parameters())
        EXPECT_TRUE(at::equal(left[entry.key()], entry.value())) << entry.key();
}

TEST(Distiller, StudentLearnsLoudAndQuietTeachersAlike) {
    Classroom classroom;
    const auto distiller = classroom.make(smallOptions());
    const StepReport first = trainFor(*distiller, 1), last = trainFor(*distiller, 59);
    EXPECT_EQ(last.step, 60);
    for (const double seconds : {last.teacherSeconds, last.studentSeconds, last.optimizerSeconds})
        EXPECT_GT(seconds, 0);
    // Targets have unit variance whatever the loudness: an untrained student is at about 1.
    for (const char* name : {"quiet", "loud"}) {
        EXPECT_NEAR(first.teachers.at(name).features, 1, 0.35) << name;
        EXPECT_LT(last.teachers.at(name).features, 0.7 * first.teachers.at(name).features) << name;
    }
    EXPECT_TRUE(std::isnan(last.teachers.at("loud").summary));
    EXPECT_LT(last.teachers.at("quiet").summary, first.teachers.at("quiet").summary);
}

TEST(Distiller, ResumedRunHasTheSameBits) {
    DistillOptions options = smallOptions();
    options.slowDecay = 0.9;
    options.mesaWeight = 0.5;
    options.shiftDeviation = 0.5;
    options.weightNoise = 0.05;
    options.balance = LossBalance::AdaLoss;
    options.summaryLoss = SummaryLoss::Angle;
    options.partitions = {{{32, 40}, 4, {}}, {{48}, 2, {"loud"}}};
    const TemporaryFolder folder;
    Classroom classroom;
    const auto whole = classroom.make(options), start = classroom.make(options),
               resumed = classroom.make(options);
    trainFor(*whole, 10);
    trainFor(*start, 4);
    ASSERT_TRUE(start->save(folder / "state.safetensors"));
    const auto restored = resumed->restore(folder / "state.safetensors");
    ASSERT_TRUE(restored) << restored.error().text();
    EXPECT_EQ(resumed->step(), 4);
    trainFor(*resumed, 6);
    expectSameWeights(*whole, *resumed);
    const auto left = whole->evaluated().named_parameters();
    for (const auto& entry : resumed->evaluated().named_parameters())
        EXPECT_TRUE(at::equal(left[entry.key()], entry.value())) << "slow copy: " << entry.key();
}

TEST(Distiller, RecomputedActivationsGiveTheSameBits) {
    DistillOptions options = smallOptions();
    options.weightNoise = 0.05;
    options.windowSizes = {2};
    Classroom classroom;
    const auto plain = classroom.make(options);
    options.recompute = true;
    const auto recomputing = classroom.make(options);
    trainFor(*plain, 3);
    trainFor(*recomputing, 3);
    expectSameWeights(*plain, *recomputing);
}

TEST(Distiller, EqualSeedsGiveEqualWeights) {
    Classroom classroom;
    const auto a = classroom.make(smallOptions()), b = classroom.make(smallOptions());
    trainFor(*a, 3);
    trainFor(*b, 3);
    expectSameWeights(*a, *b);
}

TEST(Distiller, ExportedAdaptorsSpeakTheTeachersOwnSpace) {
    const TemporaryFolder folder;
    Classroom classroom;
    const auto distiller = classroom.make(smallOptions());
    trainFor(*distiller, 5);
    ASSERT_TRUE(distiller->exportFolder(folder / "student", at::kFloat));
    const auto loaded = loadModel(folder / "student", {});
    ASSERT_TRUE(loaded) << loaded.error().text();
    const at::NoGradGuard noGrad;
    const at::Tensor pixels = samplePictures(2, 32);
    EncodeRequest request;
    request.adaptors = {"quiet", "loud"};
    const auto output = (*loaded)->encoder()->encode(pixels, request);
    ASSERT_TRUE(output);
    const StudentOutput own = runStudent(distiller->evaluated(), pixels, {});
    for (const char* name : {"quiet", "loud"}) {
        const auto expected = distiller->teacherSpace(name, own.heads.at(name).features);
        ASSERT_TRUE(expected);
        EXPECT_TRUE(at::allclose(output->adaptors.at(name).features, *expected, 1e-4, 1e-4)) << name;
    }
}

TEST(Distiller, MosaicTeacherOfOneSizeTeachesSmallPictures) {
    DistillOptions options = smallOptions();
    options.teachers[1].mosaic = true;
    options.teachers[1].side = 96;
    Classroom classroom;
    const auto distiller = classroom.make(options);
    const StepReport last = trainFor(*distiller, 3);
    EXPECT_TRUE(std::isfinite(last.teachers.at("loud").features));
}

TEST(Distiller, CoarserTeacherIsComparedOnItsGridWhereverItsCropLies) {
    DistillOptions options = smallOptions();
    options.shiftDeviation = 1;
    Classroom classroom;
    classroom.loud = patchTeacher("loud", 20, 16, 6, 3, false);
    for (const GridPolicy policy : {GridPolicy::Teacher, GridPolicy::Larger}) {
        options.gridPolicy = policy;
        const auto distiller = classroom.make(options);
        const StepReport last = trainFor(*distiller, 6);
        EXPECT_TRUE(std::isfinite(last.teachers.at("loud").features));
    }
}

TEST(Distiller, FrozenTrunkMovesHeadsOnly) {
    DistillOptions options = smallOptions();
    options.trunkFrozenSteps = 2;
    Classroom classroom;
    const auto distiller = classroom.make(options);
    std::map<std::string, at::Tensor> before;
    for (const auto& entry : distiller->student().named_parameters())
        before[entry.key()] = entry.value().detach().clone();
    trainFor(*distiller, 2);
    for (const auto& entry : distiller->student().named_parameters()) {
        const bool head = entry.key().find(".adaptors.") != std::string::npos;
        const bool same = at::equal(before[entry.key()], entry.value());
        if (!head || entry.key().ends_with("weight"))
            EXPECT_EQ(same, !head) << entry.key();
    }
}

TEST(Distiller, TeacherThatGivesNansIsNamedWithItsPicture) {
    Classroom classroom;
    FunctionTeacherOptions broken;
    broken.name = "loud";
    broken.featureWidth = 4;
    broken.cellPixels = 8;
    broken.compute = [](const at::Tensor& pixels) {
        at::Tensor features = at::ones({pixels.size(0), 4, pixels.size(2) / 8, pixels.size(3) / 8});
        features[3][1][0][0] = std::nan("");
        return TeacherOutput{{}, features};
    };
    classroom.loud = makeFunctionTeacher(std::move(broken));
    const auto distiller = classroom.make(smallOptions());
    JobContext job;
    const auto estimated = distiller->estimateStatistics(job);
    ASSERT_FALSE(estimated);
    EXPECT_NE(estimated.error().text().find("teacher loud"), std::string::npos) << estimated.error().text();
    EXPECT_NE(estimated.error().text().find("picture 3"), std::string::npos) << estimated.error().text();
}

TEST(Distiller, RefusesOtherPicturesAndOtherStudents) {
    const TemporaryFolder folder;
    Classroom classroom, other;
    const auto distiller = classroom.make(smallOptions());
    trainFor(*distiller, 1);
    ASSERT_TRUE(distiller->save(folder / "state.safetensors"));
    DistillOptions wider = smallOptions();
    wider.student.width = 64;
    const auto refused = classroom.make(wider)->restore(folder / "state.safetensors");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::ShapeMismatch);
    TensorPictureSource pictures(samplePictures(10, 48), 0.6, true);
    const auto elsewhere =
        Distiller::create(smallOptions(), {classroom.quiet.get(), classroom.loud.get()}, pictures);
    ASSERT_TRUE(elsewhere);
    const auto wrong = (*elsewhere)->restore(folder / "state.safetensors");
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("other pictures"), std::string::npos);
}

TEST(DistillOptions, SizesThatDoNotFitAreNamedWithTheNearest) {
    DistillOptions options = smallOptions();
    options.partitions[0].sides = {30};
    const auto refused = options.validate();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().hint.find("32"), std::string::npos) << refused.error().text();
    options = smallOptions();
    options.mesaWeight = 1;
    EXPECT_FALSE(options.validate());
}

}  // namespace
}  // namespace vitrine
