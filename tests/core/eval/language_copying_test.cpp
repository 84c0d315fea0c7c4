#include "core/eval/language_copying.h"

#include "tests/core/language/language_data.h"

#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct CopyingTest : testing::LanguageData {
    CopyingTest() { text = tokens(folder / "sums.txt"); }
    std::unique_ptr<LanguageModel> model(const DecoderConfig& config) const {
        auto made = std::move(*createLanguageModel(config, 3, 0.3));
        made->decoder().setTrainable(false);
        return made;
    }
    Result<std::vector<CopyingScore>> measure(const LanguageModel& of, const CopyingOptions& options) {
        return measureCopying(of, *text, options, {100, 2000}, job);
    }
    std::shared_ptr<const TokenFile> text;
};

TEST_F(CopyingTest, IsTheLossOfThePassageAgain) {
    const auto random = model(smallConfig());
    const auto scores = measure(*random, {.length = 40, .passage = 5, .windows = 1});
    ASSERT_TRUE(scores) << scores.error().text();
    ASSERT_EQ(scores->size(), 3u);  // an eighth is too short
    const CopyingScore& last = scores->back();
    EXPECT_EQ(last.length, 40);
    EXPECT_EQ(last.passage, 5);
    EXPECT_EQ((*scores)[0].passage, 2);
    std::vector<int64_t> window(40);
    text->read(100, window);
    std::vector<int64_t> with = window, without = window;
    for (size_t i = 0; i < 5; ++i) {
        without[i] = window[35 + i];
        with[35 + i] = without[35 + i] = window[i];
    }
    const auto nats = [&](const std::vector<int64_t>& ids) {
        const at::NoGradGuard noGrad;
        const at::Tensor losses = random->decoder().tokenLosses(at::tensor(ids, at::kLong).unsqueeze(0));
        return losses.narrow(1, 35, 4).mean().item<double>();
    };
    EXPECT_NEAR(last.natsWith, nats(with), 1e-5);
    EXPECT_NEAR(last.natsWithout, nats(without), 1e-5);
    EXPECT_GT(std::abs(last.gain()), 1e-4);
    EXPECT_DOUBLE_EQ(last.toJson()["gain"], last.natsWithout - last.natsWith);
}

// Several windows at a time are the mean of each.
TEST_F(CopyingTest, BatchesChangeNothing) {
    const auto random = model(smallConfig());
    const auto together = measure(*random, {.windows = 7, .batch = 3}),
               alone = measure(*random, {.windows = 7, .batch = 1});
    ASSERT_TRUE(together && alone);
    for (size_t i = 0; i < together->size(); ++i) {
        EXPECT_EQ((*together)[i].windows, 7);
        EXPECT_NEAR((*together)[i].natsWith, (*alone)[i].natsWith, 1e-5);
        EXPECT_NEAR((*together)[i].accuracy, (*alone)[i].accuracy, 1e-9);
    }
}

// Nothing comes from the front without attention, or from behind the window of a single layer.
TEST_F(CopyingTest, WhatCannotBeSeenGainsNothing) {
    DecoderConfig blind = smallConfig(), near = smallConfig();
    for (LayerSettings& layer : blind.layers)
        layer.attention.kind = SubLayerKind::NoOp;
    near.layers.resize(1);
    near.layers[0].attention.window = 4;
    for (const DecoderConfig& config : {blind, near}) {
        const auto scores = measure(*model(config), {.length = 32});
        ASSERT_TRUE(scores) << scores.error().text();
        ASSERT_EQ(scores->size(), 3u);
        // Of a passage of 8 the last tokens see its beginning alone, which is the same in both.
        for (const CopyingScore& score : *scores)
            EXPECT_NEAR(score.gain(), 0, 1e-6) << score.length;
    }
}

TEST_F(CopyingTest, SaysWhatItNeeds) {
    const auto random = model(smallConfig());
    EXPECT_THAT(measure(*random, {.length = 49}).error().text(), HasSubstr("the model takes 8 to 48"));
    EXPECT_THAT(measure(*random, {.length = 7}).error().text(), HasSubstr("over 7 tokens"));
    const auto none = measureCopying(*random, *text, {}, {0, 5}, job);
    ASSERT_TRUE(none) << none.error().text();
    EXPECT_TRUE(none->empty());
}

}  // namespace
}  // namespace vitrine
