// A byte model of few steps on two small texts.
#include "core/claims/byte_model.h"

#include "core/claims/depth_pruning_claim.h"
#include "tests/core/claims/language_claim_data.h"

#include <cmath>
#include <future>
#include <stop_token>

namespace vitrine {
namespace {

struct ByteModelTest : testing::LanguageClaimData {
    ByteModelTest() {
        trainedGround(1);  // writes the second text
    }
    Result<LanguageGround> trained(int64_t seed, double scale, JobContext& context) {
        return trainByteModel(files().texts, {.seed = seed, .scale = scale, .job = &context});
    }
    static at::Tensor weight(const LanguageGround& ground) {
        return ground.model->decoder().parameters().front();
    }
};

TEST_F(ByteModelTest, LearnsBothTextsAndCarriesTheDepthClaim) {
    const auto ground = trained(1, 0.03, job);
    ASSERT_TRUE(ground) << ground.error().text();
    EXPECT_EQ(ground->model->config().parameterCount(), 1271680);
    EXPECT_EQ(ground->length, 96);
    ASSERT_EQ(ground->texts.size(), 2U);
    EXPECT_EQ(ground->texts[0].name, "sums");
    EXPECT_EQ(ground->texts[1].name, "products");
    const auto loss = ground->heldOutLoss(*ground->model, job);
    ASSERT_TRUE(loss) << loss.error().text();
    EXPECT_LT(loss->ofText.at("sums"), 3);  // a blind guess: 5.55
    EXPECT_LT(loss->ofText.at("products"), 3);

    const auto measured = measureDepthPruning(*ground, {.seed = 1, .job = &job});
    ASSERT_TRUE(measured) << measured.error().text();
    EXPECT_NEAR(measured->arms.at("dense").at("loss"), loss->mean, 1e-9);
    EXPECT_TRUE(measured->arms.at("agreement").contains("Kendall's tau, loss on the two texts"));
    for (const ClaimCheck& check : depthPruningClaim().judge(ClaimTable({*measured})))
        EXPECT_TRUE(std::isfinite(check.measured)) << check.rule;
}

TEST_F(ByteModelTest, DependsOnTheSeedAlone) {
    const auto first = trained(1, 0.002, job), again = trained(1, 0.002, job), other = trained(2, 0.002, job);
    ASSERT_TRUE(first && again && other);
    EXPECT_TRUE(at::equal(weight(*first), weight(*again)));
    EXPECT_FALSE(at::equal(weight(*first), weight(*other)));
}

TEST_F(ByteModelTest, ClaimsShareWhatWasTrainedForTheSame) {
    const ClaimRequest request{.seed = 3, .scale = 0.002, .job = &job};
    const auto first = sharedByteModel(files().texts, request),
               again = sharedByteModel(files().texts, request);
    const auto alone = trained(3, 0.002, job),
               longer = sharedByteModel(files().texts, {.seed = 3, .scale = 0.003, .job = &job}),
               one = sharedByteModel({files().texts[0]}, request);
    ASSERT_TRUE(first && again && alone && longer && one);
    EXPECT_EQ(first->model, again->model);
    EXPECT_TRUE(at::equal(weight(*first), weight(*alone)));
    EXPECT_FALSE(at::equal(weight(*first), weight(*longer)));
    EXPECT_FALSE(at::equal(weight(*first), weight(*one)));
}

TEST_F(ByteModelTest, WhoAsksWhileItIsBeingTrainedWaits) {
    const auto ask = [&] {
        JobContext own;
        return sharedByteModel(files().texts, {.seed = 4, .scale = 0.002, .job = &own});
    };
    auto other = std::async(std::launch::async, ask);
    const auto first = ask(), second = other.get();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->model, second->model);
}

TEST_F(ByteModelTest, WhoseTrainingIsStoppedKeepsNobodyWaiting) {
    std::stop_source stop;
    stop.request_stop();
    JobContext stopped(stop.get_token(), {});
    const auto first = sharedByteModel(files().texts, {.seed = 5, .scale = 0.002, .job = &stopped});
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::Cancelled);
    EXPECT_TRUE(sharedByteModel(files().texts, {.seed = 5, .scale = 0.002, .job = &job}));
}

TEST_F(ByteModelTest, OnlyTheFirstTextsAreLearntIfSo) {
    const std::vector<std::filesystem::path> both = files().texts;
    ASSERT_EQ(both.size(), 2U);
    const ClaimRequest request{.seed = 1, .scale = 0.002, .job = &job};
    const auto learntOne = trainByteModel(both, request, {.learnt = 1}),
               one = trainByteModel({both[0]}, request), two = trainByteModel(both, request);
    ASSERT_TRUE(learntOne && one && two);
    // The second text is there to be measured on, and left nothing in the weights.
    ASSERT_EQ(learntOne->texts.size(), 2U);
    EXPECT_EQ(learntOne->texts[1].name, "products");
    EXPECT_TRUE(at::equal(weight(*learntOne), weight(*one)));
    EXPECT_FALSE(at::equal(weight(*learntOne), weight(*two)));
    const auto loss = learntOne->heldOutLoss(*learntOne->model, job);
    ASSERT_TRUE(loss) << loss.error().text();
    EXPECT_TRUE(loss->ofText.contains("products"));
}

TEST_F(ByteModelTest, StopsWhenAsked) {
    std::stop_source source;
    source.request_stop();
    JobContext stopped(source.get_token(), {});
    const auto ground = trained(1, 1, stopped);
    ASSERT_FALSE(ground);
    EXPECT_EQ(ground.error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace vitrine
