#include "core/claims/language_ground.h"

#include "tests/core/claims/language_claim_data.h"

#include <set>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using LanguageGroundTest = testing::LanguageClaimData;

TEST_F(LanguageGroundTest, OpensModelAndTextsWithTheirHeldOutParts) {
    const LanguageGround ground = trainedGround();
    ASSERT_EQ(ground.texts.size(), 2U);
    EXPECT_EQ(ground.texts[0].name, "sums");
    EXPECT_EQ(ground.texts[1].name, "products");
    EXPECT_EQ(ground.length, 48);  // the model's context
    for (const LanguageTrainingText& text : ground.texts) {
        EXPECT_EQ(text.heldOut.first, text.training.first + text.training.count);
        EXPECT_NEAR(double(text.heldOut.count) / double(text.tokens->info().tokens), 0.1, 0.01);
    }
    const auto loss = ground.heldOutLoss(*ground.model, job);
    ASSERT_TRUE(loss) << loss.error().text();
    EXPECT_LT(loss->mean, 2.5);  // a blind guess: 5.55
    EXPECT_NEAR(loss->mean, (loss->ofText.at("sums") + loss->ofText.at("products")) / 2, 1e-12);
    EXPECT_EQ(loss->metrics().size(), 3U);
    const auto alone = ground.with({"products"}).heldOutLoss(*ground.model, job);
    ASSERT_TRUE(alone);
    EXPECT_DOUBLE_EQ(alone->mean, loss->ofText.at("products"));
}

TEST_F(LanguageGroundTest, CalibratesOnTheTrainingPartsAlone) {
    LanguageGround ground = trainedGround(1);
    const auto batches = ground.calibration(6, 3, 4);
    ASSERT_EQ(batches.size(), 2U);
    EXPECT_EQ(batches[0].sizes(), (at::IntArrayRef{4, 48}));
    EXPECT_EQ(batches[1].sizes(), (at::IntArrayRef{2, 48}));
    const auto again = ground.calibration(6, 3, 2);
    EXPECT_TRUE(at::equal(at::cat(batches), at::cat(again)));  // whatever the batches
    EXPECT_FALSE(at::equal(batches[0], ground.calibration(4, 4, 4)[0]));
    // A training part of a single window leaves one choice: what is held out is never drawn.
    for (LanguageTrainingText& text : ground.texts)
        text.training = {0, ground.length};
    const at::Tensor only = ground.calibration(8, 5, 8)[0];
    EXPECT_TRUE(at::equal(only[0], only[2]));
    EXPECT_FALSE(at::equal(only[0], only[1]));  // the other text
}

TEST_F(LanguageGroundTest, SaysWhatIsMissing) {
    LanguageGroundFiles wanted{folder / "nowhere", {folder / "sums.txt"}, 0.1};
    auto opened = openLanguageGround(wanted, "cpu", job);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::NotFound);
    EXPECT_THAT(opened.error().text(), HasSubstr("nowhere"));
    EXPECT_THAT(opened.error().text(), HasSubstr("./run --setup"));

    ASSERT_GT(trainedGround(1).texts.size(), 0U);
    wanted = files();
    wanted.texts.push_back(folder / "missing.txt");
    opened = openLanguageGround(wanted, "cpu", job);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().text(), HasSubstr("missing.txt"));
    EXPECT_THAT(opened.error().text(), HasSubstr("./run --setup"));

    ASSERT_TRUE(writeFileAtomically(folder / "short.txt", "too short"));
    wanted.texts = {folder / "short.txt"};
    opened = openLanguageGround(wanted, "cpu", job);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().text(), HasSubstr("text short"));
}

}  // namespace
}  // namespace vitrine
