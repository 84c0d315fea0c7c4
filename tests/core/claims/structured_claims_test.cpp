// Short versions of the claims about smaller language models, on a tiny one: all arms are measured, and what
// must hold for any trained model does.
#include "core/claims/depth_pruning_claim.h"
#include "core/claims/minitron_claim.h"
#include "core/claims/minitron_experiments.h"
#include "core/claims/puzzle_claim.h"
#include "tests/core/claims/language_claim_data.h"

#include <cmath>

namespace vitrine {
namespace {

struct StructuredClaimsTest : testing::LanguageClaimData {
    ClaimRequest request(double scale) {
        ClaimRequest request;
        request.seed = 1;
        request.scale = scale;
        request.job = &job;
        return request;
    }
    // A model deep enough to lose three blocks; it learns the first so many of the two texts.
    LanguageGround deepGround(size_t learnt = 2) {
        LanguageGround ground = trainedGround(1);
        LanguageTrainingOptions options = trainingOptions();
        options.model.layers.resize(5, options.model.layers[0]);
        options.steps = 150;
        auto trainer = LanguageTrainer::create(
            options, {ground.texts.begin(), ground.texts.begin() + std::ptrdiff_t(learnt)});
        EXPECT_TRUE(trainer) << trainer.error().text();
        while ((*trainer)->step() < options.steps)
            EXPECT_TRUE((*trainer)->train());
        ground.model = (*trainer)->takeModel();
        return ground;
    }
    static double checkNamed(const std::vector<ClaimCheck>& checks, const std::string& part) {
        for (const ClaimCheck& check : checks)
            if (check.rule.find(part) != std::string::npos)
                return check.measured;
        ADD_FAILURE() << "no check " << part;
        return NAN;
    }
    static void expectMeasured(const std::vector<ClaimCheck>& checks) {
        EXPECT_FALSE(checks.empty());
        for (const ClaimCheck& check : checks)
            EXPECT_TRUE(std::isfinite(check.measured)) << check.rule;
    }
};

TEST_F(StructuredClaimsTest, MinitronsStudentsKeepWhatTheyWereCutWith) {
    const LanguageGround ground = deepGround();
    const auto measured = measureMinitron(ground, request(0.1));
    ASSERT_TRUE(measured) << measured.error().text();
    const auto corrected = measureTeacherCorrection(deepGround(1), request(0.2));
    ASSERT_TRUE(corrected) << corrected.error().text();
    ClaimMeasurement all = *measured;
    all.arms.insert(corrected->arms.begin(), corrected->arms.end());
    const auto checks = minitronClaim().judge(ClaimTable({all}));
    expectMeasured(checks);
    EXPECT_LT(checkNamed(checks, "important neurons less random ones"), 0);
    EXPECT_LT(checkNamed(checks, "less a random start"), -0.3);
    const auto& width = measured->arms.at("width, KL");
    EXPECT_LT(width.at("parameters"), measured->arms.at("dense").at("parameters"));
    const auto again = measureMinitron(ground, request(0.1));
    ASSERT_TRUE(again);
    EXPECT_EQ(measured->toJson(), again->toJson());
}

TEST_F(StructuredClaimsTest, ACorrectedTeacherKnowsTheNewText) {
    const auto measured = measureTeacherCorrection(deepGround(1), request(0.5));
    ASSERT_TRUE(measured) << measured.error().text();
    const auto& before = measured->arms.at("new text, uncorrected teacher");
    const auto& after = measured->arms.at("new text, corrected teacher");
    EXPECT_LT(after.at("teacher's loss"), before.at("teacher's loss") - 0.5);
    EXPECT_LT(after.at("loss"), before.at("loss") - 0.3);
    EXPECT_EQ(measured->arms.at("new text, without a teacher").at("loss as cut"), before.at("loss as cut"));
}

TEST_F(StructuredClaimsTest, HeadsAreMergedInEveryWay) {
    const auto measured = measureHeadMerge(deepGround(), request(0.1));
    ASSERT_TRUE(measured) << measured.error().text();
    const auto lossOf = [&](const std::string& how) {
        return measured->arms.at("fewer heads, merged: " + how).at("loss as cut");
    };
    EXPECT_NE(lossOf("none"), lossOf("residual"));
    EXPECT_NE(lossOf("none"), lossOf("outputs"));
    EXPECT_EQ(measured->arms.size(), 3U);
}

TEST_F(StructuredClaimsTest, BlocksAreRepairedByTheirStandIns) {
    const LanguageGround ground = deepGround();
    const auto measured = measureDepthPruning(ground, request(1));
    ASSERT_TRUE(measured) << measured.error().text();
    const auto checks = depthPruningClaim().judge(ClaimTable({*measured}));
    expectMeasured(checks);
    EXPECT_LT(checkNamed(checks, "random order less the worst order"), 0.05);
    EXPECT_LT(checkNamed(checks, "rank 8 in the place of 3 blocks"), 0);
}

TEST_F(StructuredClaimsTest, PuzzlesSumsForeseeTheLoss) {
    const LanguageGround ground = deepGround();
    const auto measured = measurePuzzle(ground, request(0.3));
    ASSERT_TRUE(measured) << measured.error().text();
    const auto checks = puzzleClaim().judge(ClaimTable({*measured}));
    expectMeasured(checks);
    EXPECT_GT(checkNamed(checks, "Spearman"), 0.5);
    EXPECT_LT(checkNamed(checks, "greed less chance"), 0);
}

}  // namespace
}  // namespace vitrine
