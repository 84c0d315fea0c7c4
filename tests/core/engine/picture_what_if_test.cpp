// What the Compress workspace asks of an encoder: a picture with parts off, or with the masks of a run.
#include "core/engine/compress_engine_impl.h"
#include "tests/core/engine/compress_encoder_job.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using testing::CompressEncoderTest;
using ::testing::HasSubstr;

TEST_F(CompressEncoderTest, WhatIfAnswersForAPicture) {
    const auto engine = makeCompressEngine();
    JobContext job;
    PictureWhatIfRequest request;
    request.model = folder / "vit";
    request.picture = (folder / "scenes.bin").string() + "#3";
    const auto asked = [&] {
        auto answer = engine->whatIf(request, job);
        EXPECT_TRUE(answer) << (answer ? "" : answer.error().text());
        return std::move(*answer);
    };
    const PictureWhatIf plain = asked();
    EXPECT_EQ(plain.featureError, 0);
    EXPECT_NEAR(plain.featureCosine, 1, 1e-6);
    EXPECT_EQ(plain.layers, 3);
    EXPECT_EQ(plain.heads, 4);
    EXPECT_EQ(plain.before->width(), 8);
    EXPECT_EQ(plain.classes.size(), 8u);
    EXPECT_EQ(plain.classes[0].before, plain.classes[0].after);
    request.attentionOff = {1};
    const double attention = asked().featureError;
    request.attentionOff = {};
    request.feedForwardOff = {1};
    const double feedForward = asked().featureError;
    EXPECT_GT(attention, 0);
    EXPECT_GT(feedForward, 0);
    EXPECT_NE(attention, feedForward);
    request.feedForwardOff = {};
    request.tokens = 0.4;
    const PictureWhatIf fewer = asked();
    EXPECT_GT(fewer.featureError, 0);
    EXPECT_EQ(fewer.after->width(), 8);
    request.tokens = 1;
    request.headsOff = {{2, 4}};
    EXPECT_THAT(engine->whatIf(request, job).error().text(), HasSubstr("no head 4"));
    request.headsOff = {};
    // Everything is back as it was.
    EXPECT_EQ(asked().featureError, 0);
    request.picture = (folder / "nothing.png").string();
    EXPECT_THAT(engine->whatIf(request, job).error().text(), HasSubstr("nothing.png"));
}

TEST_F(CompressEncoderTest, MasksOfARunAreLaidOverThePicture) {
    const RunOutcome outcome = run(settings({{{"prune", "wanda"}}}));
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto engine = makeCompressEngine();
    JobContext job;
    PictureWhatIfRequest masked;
    masked.model = folder / "vit";
    masked.picture = (folder / "scenes.bin").string() + "#3";
    masked.masks = fileOf(outcome.run, "wanda_2_4/masks.safetensors");
    const auto found = engine->whatIf(masked, job);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_GT(found->featureError, 0.01);
    // The packed weights are the masked ones: Wanda changes none of those that stay.
    PictureWhatIfRequest packed = masked;
    packed.masks.clear();
    packed.compressed = folder / "models" / "best" / "compressed.safetensors";
    const auto same = engine->whatIf(packed, job);
    ASSERT_TRUE(same) << same.error().text();
    EXPECT_NEAR(same->featureError, found->featureError, 1e-5);
    // Costs are known of encoders too.
    const auto costs = engine->costs(folder / "vit", {{{"prune", "wanda"}}}, "float32");
    ASSERT_TRUE(costs) << costs.error().text();
    EXPECT_EQ(costs->linearWeights, 3 * (32.0 * 96 + 32 * 32 + 2 * 32 * 64));
    EXPECT_NEAR(costs->rows.at(0).operations / costs->denseOperations, 0.5, 1e-9);
}

}  // namespace
}  // namespace vitrine
