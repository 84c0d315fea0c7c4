#include "core/compress/numeric_cases.h"

#include "core/compress/compressed_weights.h"
#include "core/compress/sparsity.h"
#include "core/io/safetensors.h"
#include "core/nn/weights.h"
#include "tests/support/test_data.h"

namespace vitrine {
namespace {

// All outputs of a case, to the bit where they are whole numbers, else to the case's tolerance.
void checkCase(const std::filesystem::path& folder) {
    const auto meta = readJsonFile(folder / "meta.json");
    ASSERT_TRUE(meta);
    ASSERT_TRUE(isCompressionCase(*meta));
    const auto inputs = readAllTensors(**openSafetensors(folder / "inputs.safetensors"));
    const auto expected = readAllTensors(**openSafetensors(folder / "expected.safetensors"));
    for (const Json& call : (*meta)["calls"]) {
        const auto found = runCompressionCase(*meta, call, *inputs);
        ASSERT_TRUE(found) << found.error().text();
        for (const auto& output : call["outputs"]) {
            const auto name = output.get<std::string>();
            ASSERT_TRUE(found->contains(name)) << name;
            const auto &a = found->at(name), &b = expected->at(name);
            ASSERT_EQ(a.sizes(), b.sizes()) << name;
            const double tolerance = (*meta)["tensors"][name].value("tol_abs", 0.0);
            EXPECT_LE((a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>(), tolerance) << name;
        }
    }
}

TEST(CompressionCases, Nvfp4) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_nvfp4");
    checkCase(folder);
}

TEST(CompressionCases, MasksOfTheSparse24CaseAndTheirPackedForm) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_sparse24");
    const auto inputs = *readAllTensors(**openSafetensors(folder / "inputs.safetensors"));
    const auto expected = *readAllTensors(**openSafetensors(folder / "expected.safetensors"));
    const auto& weight = inputs.at("weight");
    const auto pattern = SparsityPattern::nOfM(2, 4);
    const auto mask = *magnitudeMask(weight, pattern);
    EXPECT_TRUE(mask.equal(expected.at("magnitude_mask")));
    EXPECT_TRUE(wandaMask(weight, inputs.at("input_norm"), pattern)->equal(expected.at("activation_mask")));
    EXPECT_TRUE(magnitudeMask(weight, SparsityPattern::nOfM(4, 8))->equal(expected.at("magnitude_mask_4_8")));
    EXPECT_TRUE(magnitudeMask(weight, SparsityPattern::nOfM(1, 4))->equal(expected.at("magnitude_mask_1_4")));
    const auto packed = *pack24(weight * mask);
    EXPECT_TRUE(kernels::sparse24Unpack(packed.values, packed.metadata).equal(weight * mask));
    // Groups that are full hold the reference's values in its order; deficient ones name other places for
    // their zeros.
    const auto full = ((weight * mask) != 0).reshape({-1, 4}).sum(1) == 2;
    EXPECT_GT(full.sum().item<int64_t>(), 0);
    EXPECT_TRUE(packed.values.reshape({-1, 2}).index({full}).equal(
        expected.at("kept_values").reshape({-1, 2}).index({full})));
}

TEST(CompressionCases, BrokenCasesAreErrors) {
    EXPECT_FALSE(isCompressionCase(Json::array()));
    EXPECT_FALSE(isCompressionCase(Json{{"family", "numeric"}, {"calls", {{{"id", "other"}}}}}));
    const Json call{{"id", "nvfp4"}};
    const auto found = runCompressionCase(Json::object(), call, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace vitrine
