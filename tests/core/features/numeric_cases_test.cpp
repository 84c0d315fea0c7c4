#include "core/features/numeric_cases.h"

#include "core/io/safetensors.h"
#include "core/nn/weights.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

std::map<std::string, at::Tensor> tensorsOf(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        return {};
    const auto source = openSafetensors(file);
    EXPECT_TRUE(source) << source.error().text();
    return *readAllTensors(**source);
}

// Every output of every call of the folder, to the tolerance that the folder states.
void checkCase(const std::filesystem::path& folder) {
    const auto meta = readJsonFile(folder / "meta.json");
    ASSERT_TRUE(meta);
    EXPECT_TRUE(isNumericCase(*meta));
    const auto inputs = tensorsOf(folder / "inputs.safetensors"),
               weights = tensorsOf(folder / "model.safetensors"),
               expected = tensorsOf(folder / "expected.safetensors");
    size_t compared = 0;
    for (const auto& call : (*meta)["calls"]) {
        const auto outputs = runNumericCase(*meta, call, inputs, weights);
        ASSERT_TRUE(outputs) << outputs.error().text();
        for (const auto& name : call["outputs"]) {
            const auto entry = outputs->find(name.get<std::string>());
            ASSERT_NE(entry, outputs->end()) << name;
            const auto& wanted = expected.at(entry->first);
            ASSERT_EQ(entry->second.sizes(), wanted.sizes()) << name;
            ASSERT_EQ(entry->second.scalar_type(), wanted.scalar_type()) << name;
            ++compared;
            const auto a = entry->second.to(at::kDouble), b = wanted.to(at::kDouble);
            EXPECT_TRUE(a.isnan().equal(b.isnan())) << name;
            const auto difference = at::where(a == b, at::zeros_like(a), (a - b).abs()).nan_to_num();
            const double tolerance = (*meta)["tensors"][entry->first].value("tol_abs", 0.0);
            // Codes of NaN differ between encoders in bits that carry no value.
            const bool fp8Encode = entry->first.find(".encode") != std::string::npos;
            const double error =
                (fp8Encode ? difference.masked_fill((b.remainder(128) > 124), 0) : difference)
                    .max()
                    .item<double>();
            EXPECT_LE(error, tolerance) << name;
        }
    }
    EXPECT_EQ(compared, expected.size());
}

TEST(NumericCases, JointBilateralUpsampling) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_jbu");
    checkCase(folder);
}

TEST(NumericCases, StructuredSparsity) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_sparse24");
    checkCase(folder);
}

TEST(NumericCases, Fp8) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_fp8");
    checkCase(folder);
}

TEST(NumericCases, SelectiveScanWithItsGradients) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_selective_scan");
    checkCase(folder);
}

TEST(NumericCases, UnknownComputationsAndMissingInputsAreNamed) {
    const Json unknown{{"id", "fft"}};
    EXPECT_FALSE(isNumericCase(Json{{"family", "numeric"}, {"calls", Json::array({unknown})}}));
    EXPECT_FALSE(isNumericCase(Json{{"family", "clip"}}));
    const auto error = runNumericCase(Json::object(), unknown, {}, {});
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().code, ErrorCode::UnknownFamily);
    EXPECT_THAT(error.error().text(), ::testing::HasSubstr("fft"));
    EXPECT_THAT(runNumericCase(Json::object(), Json{{"id", "sparse24"}}, {}, {}).error().text(),
                ::testing::HasSubstr("weight"));
}

}  // namespace
}  // namespace vitrine
