// Short versions of the claims about language models, on a tiny model: all arms are measured, and what must
// hold for any model does.
#include "core/claims/eora_claim.h"
#include "core/claims/flextron_claim.h"
#include "core/claims/language_pruning.h"
#include "core/claims/maskllm_claim.h"
#include "core/claims/one_shot_pruning_claim.h"
#include "core/claims/task_adapter.h"
#include "tests/core/claims/language_claim_data.h"

#include <cmath>

namespace vitrine {
namespace {

struct LanguageClaimsTest : testing::LanguageClaimData {
    ClaimRequest request(double scale) {
        ClaimRequest request;
        request.seed = 1;
        request.scale = scale;
        request.job = &job;
        return request;
    }
    static double checkNamed(const std::vector<ClaimCheck>& checks, const std::string& part) {
        for (const ClaimCheck& check : checks)
            if (check.rule.find(part) != std::string::npos)
                return check.measured;
        ADD_FAILURE() << "no check " << part;
        return NAN;
    }
    static void expectMeasured(const std::vector<ClaimCheck>& checks) {
        for (const ClaimCheck& check : checks)
            EXPECT_TRUE(std::isfinite(check.measured)) << check.rule;
    }
};

TEST_F(LanguageClaimsTest, OneShotPruningLeavesMoreThanChance) {
    const LanguageGround ground = trainedGround(150);
    const auto measured = measureOneShotPruning(ground, request(0.1));
    ASSERT_TRUE(measured) << measured.error().text();
    EXPECT_EQ(measured->arms.size(), 6U);
    const auto checks = oneShotPruningClaim().judge(ClaimTable({*measured}));
    expectMeasured(checks);
    EXPECT_LT(checkNamed(checks, "Wanda less a random"), -0.1);
    EXPECT_LT(checkNamed(checks, "SparseGPT less Wanda"), 0);
    // The same seed measures the same.
    const auto again = measureOneShotPruning(ground, request(0.1));
    ASSERT_TRUE(again);
    EXPECT_EQ(measured->toJson(), again->toJson());
}

TEST_F(LanguageClaimsTest, EoraPredictsWhatItLeaves) {
    const LanguageGround ground = trainedGround(150);
    const auto measured = measureEora(ground, request(0.2));
    ASSERT_TRUE(measured) << measured.error().text();
    EXPECT_EQ(measured->arms.size(), 17U);
    const auto checks = eoraClaim().judge(ClaimTable({*measured}));
    expectMeasured(checks);
    EXPECT_LT(checkNamed(checks, "predicted error"), 1e-3);
    for (const char* format : {"2:4", "3 bits", "2 bits"}) {
        const auto error = [&](const char* method) {
            return measured->arms.at(fmt::format("{}, {}", format, method)).at("relative output error");
        };
        EXPECT_LT(error("eora"), error("svd")) << format;  // it is the optimum
        EXPECT_LT(error("svd"), error("none")) << format;
    }
    // An adapter that saw all texts repairs both; a table without adapters says so.
    const auto repaired = [&](const char* arm) { return measured->arms.at(arm).at("loss"); };
    EXPECT_LT(repaired("2:4, adapter of all texts"), repaired("2:4, no adapter"));
    ClaimMeasurement without = *measured;
    without.arms.erase("2:4, adapter of sums");
    EXPECT_TRUE(std::isnan(checkNamed(eoraClaim().judge(ClaimTable({without})), "adapters of two texts")));
    const auto one = measureEora(ground.with({"sums"}), request(0.2));
    ASSERT_FALSE(one);
    EXPECT_EQ(one.error().code, ErrorCode::InvalidArgument);
}

// What was calibrated on is repaired in the layers that see it: the adapter of a text leaves less error
// there.
TEST_F(LanguageClaimsTest, AnAdapterRepairsTheTextThatItWasCalibratedOn) {
    const LanguageGround ground = trainedGround(150);
    const auto made = compressedClone(ground, pruningPlan(PruneMethod::SparseGpt, 0), 32, 1, job);
    ASSERT_TRUE(made) << made.error().text();
    const auto before = made->model->decoder().linears()[0]->weight.clone();
    const auto apart = [&](const LanguageModel& model, const LanguageGround& text) {
        const at::NoGradGuard plain;
        const at::Tensor ids = text.calibration(32, 9, 32)[0];
        return (model.decoder().hidden(ids) - ground.model->decoder().hidden(ids))
            .square()
            .mean()
            .item<double>();
    };
    std::map<std::string, std::map<std::string, double>> left;  // by adapter, then text
    for (const char* own : {"sums", "products"}) {
        const auto model = withAdapter(ground.with({own}), *made->model, 4, 32, 2, job);
        ASSERT_TRUE(model) << model.error().text();
        for (const char* text : {"sums", "products"})
            left[own][text] = apart(**model, ground.with({text}));
    }
    EXPECT_LT(left["sums"]["sums"], left["products"]["sums"]);
    EXPECT_LT(left["products"]["products"], left["sums"]["products"]);
    EXPECT_TRUE(at::equal(before, made->model->decoder().linears()[0]->weight));
    const auto tooWide = withAdapter(ground, *made->model, 4000, 4, 2, job);
    ASSERT_FALSE(tooWide);
    EXPECT_NE(tooWide.error().text().find("rank 4000 is larger"), std::string::npos);
}

TEST_F(LanguageClaimsTest, MaskLlmMeasuresBothDomains) {
    const LanguageGround ground = trainedGround(150);
    const auto measured = measureMaskLlm(ground, request(0.2));
    ASSERT_TRUE(measured) << measured.error().text();
    EXPECT_EQ(measured->arms.size(), 8U);
    const auto checks = maskLlmClaim().judge(ClaimTable({*measured}));
    expectMeasured(checks);
    EXPECT_LT(checkNamed(checks, "MaskLLM less its prior"), 0);
    const auto one = measureMaskLlm(ground.with({"sums"}), request(0.2));
    ASSERT_FALSE(one);
    EXPECT_EQ(one.error().code, ErrorCode::InvalidArgument);
}

TEST_F(LanguageClaimsTest, FlextronCutsEverySizeOutOfOneModel) {
    const LanguageGround ground = trainedGround(150);
    const auto measured = measureFlextron(ground, request(0.2));
    ASSERT_TRUE(measured) << measured.error().text();
    EXPECT_EQ(measured->arms.size(), 17U);
    const auto checks = flextronClaim().judge(ClaimTable({*measured}));
    expectMeasured(checks);
    EXPECT_LT(checkNamed(checks, "masked less those of the cut"), 1e-3);
    EXPECT_LT(checkNamed(checks, "whole model"), 0.3);
    EXPECT_EQ(measured->arms.at("alike 0.5").at("size"), 0.5);
    EXPECT_EQ(measured->arms.at("student 0.75").at("size"), 0.75);
    EXPECT_NEAR(measured->arms.at("reading 0.5").at("size"), measured->arms.at("routed 0.5").at("size"),
                0.05);
}

}  // namespace
}  // namespace vitrine
