#include "core/distill/numeric_cases.h"

#include "core/io/safetensors.h"
#include "core/nn/weights.h"
#include "tests/support/test_data.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

std::map<std::string, at::Tensor> tensorsOf(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        return {};
    return *readAllTensors(**openSafetensors(file));
}

void checkCase(const std::filesystem::path& folder) {
    const auto meta = readJsonFile(folder / "meta.json");
    ASSERT_TRUE(meta);
    EXPECT_TRUE(isDistillCase(*meta));
    const auto expected = tensorsOf(folder / "expected.safetensors");
    size_t compared = 0;
    for (const auto& call : (*meta)["calls"]) {
        const auto outputs = runDistillCase(*meta, call, tensorsOf(folder / "inputs.safetensors"));
        ASSERT_TRUE(outputs) << outputs.error().text();
        for (const auto& name : call["outputs"]) {
            const auto& found = outputs->at(name.get<std::string>());
            const auto& wanted = expected.at(name.get<std::string>());
            ASSERT_EQ(found.sizes(), wanted.sizes()) << name;
            ASSERT_EQ(found.scalar_type(), wanted.scalar_type()) << name;
            const double error = (found.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>();
            EXPECT_LE(error, (*meta)["tensors"][name.get<std::string>()].value("tol_abs", 0.0)) << name;
            ++compared;
        }
    }
    EXPECT_EQ(compared, expected.size());
}

TEST(DistillCases, HadamardMatrices) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_hadamard");
    checkCase(folder);
}

TEST(DistillCases, Normalisers) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_phi_s");
    checkCase(folder);
}

TEST(DistillCases, BadCallsAreNamed) {
    const Json hadamard{{"id", "hadamard"}, {"outputs", {"h12", "x3"}}};
    EXPECT_THAT(runDistillCase({}, hadamard, {}).error().text(), ::testing::HasSubstr("x3"));
    EXPECT_THAT(runDistillCase({}, {{"id", "hadamard"}, {"outputs", {"h13"}}}, {}).error().text(),
                ::testing::HasSubstr("13"));
    EXPECT_THAT(runDistillCase({}, {{"id", "phi_s"}}, {}).error().text(), ::testing::HasSubstr("features"));
    EXPECT_EQ(runDistillCase({}, {{"id", "jbu"}}, {}).error().code, ErrorCode::UnknownFamily);
    EXPECT_FALSE(isDistillCase({{"family", "numeric"}, {"calls", Json::array({Json{{"id", "fp8"}}})}}));
}

}  // namespace
}  // namespace vitrine
