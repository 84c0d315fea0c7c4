#include "core/distill/student.h"

#include "core/models/model.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

StudentOptions smallStudent() {
    StudentOptions options;
    options.width = 48;
    options.depth = 3;
    options.headCount = 3;
    options.patchSize = 8;
    options.positionGridSide = 12;
    options.registers = 2;
    options.preferredSide = 48;
    options.teachers = {{"first", 20, 24}, {"second", 0, 16}};
    return options;
}

TEST(Student, ExportedFolderLoadsAsRadioWithTheSameOutputs) {
    const at::NoGradGuard noGrad;
    const StudentOptions options = smallStudent();
    const auto module = makeStudent(options, 3);
    const testing::TemporaryFolder folder;
    ASSERT_TRUE(writeStudentFolder(folder.path() / "student", *module, options, at::kFloat));
    const auto loaded = loadModel(folder.path() / "student", {});
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ((*loaded)->family(), "radio");
    at::manual_seed(0);
    const at::Tensor pixels = at::rand({2, 3, 40, 56});
    const StudentOutput expected = runStudent(*module, pixels, {});
    EncodeRequest request;
    request.adaptors = {"first", "second"};
    const auto output = (*loaded)->encoder()->encode(pixels, request);
    ASSERT_TRUE(output) << output.error().text();
    EXPECT_TRUE(at::allclose(output->features, expected.features, 1e-5, 1e-5));
    EXPECT_TRUE(
        at::allclose(output->adaptors.at("first").summary, expected.heads.at("first").summary, 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(output->adaptors.at("second").features, expected.heads.at("second").features,
                             1e-5, 1e-5));
    EXPECT_FALSE(expected.heads.at("second").summary.defined());
}

TEST(Student, GradientsReachEveryParameter) {
    const auto module = makeStudent(smallStudent(), 1);
    for (auto& parameter : module->parameters())
        parameter.set_requires_grad(true);
    at::manual_seed(0);
    const StudentOutput output = runStudent(*module, at::rand({2, 3, 48, 48}), {});
    at::Tensor loss = output.heads.at("first").summary.square().sum();
    for (const auto& [name, head] : output.heads)
        loss = loss + head.features.square().sum();
    loss.backward();
    for (const auto& entry : module->named_parameters()) {
        // Only the first class token is read; registers and the second one act through attention.
        ASSERT_TRUE(entry.value().grad().defined()) << entry.key();
        EXPECT_TRUE(entry.value().grad().isfinite().all().item<bool>()) << entry.key();
    }
}

TEST(Student, OptionsThatContradictThemselvesAreNamed) {
    StudentOptions options = smallStudent();
    options.headCount = 5;
    EXPECT_NE(options.validate().error().message.find("5 heads do not divide"), std::string::npos);
    options = smallStudent();
    options.teachers[1].name = "first";
    EXPECT_NE(options.validate().error().message.find("two teachers"), std::string::npos);
}

}  // namespace
}  // namespace vitrine
