// Short versions of the claims about smaller language models, on a tiny one: all arms are measured, and what
// must hold for any trained model does.
#include "core/claims/depth_pruning_claim.h"
#include "core/claims/minitron_claim.h"
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
    // A model deep enough to lose three blocks.
    LanguageGround deepGround() {
        LanguageGround ground = trainedGround(1);
        LanguageTrainingOptions options = trainingOptions();
        options.model.layers.resize(5, options.model.layers[0]);
        options.steps = 150;
        auto trainer = LanguageTrainer::create(options, ground.texts);
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
    const auto measured = measureMinitron(ground, request(0.25));
    ASSERT_TRUE(measured) << measured.error().text();
    const auto checks = minitronClaim().judge(ClaimTable({*measured}));
    expectMeasured(checks);
    EXPECT_LT(checkNamed(checks, "important neurons less random ones"), 0);
    EXPECT_LT(checkNamed(checks, "less a random start"), -0.3);
    const auto& width = measured->arms.at("width, KL");
    EXPECT_LT(width.at("parameters"), measured->arms.at("dense").at("parameters"));
    const auto again = measureMinitron(ground, request(0.25));
    ASSERT_TRUE(again);
    EXPECT_EQ(measured->toJson(), again->toJson());
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
