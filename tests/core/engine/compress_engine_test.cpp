// What the Compress workspace asks: masks to look at, costs, texts, parts switched off.
#include "core/compress/sparsity.h"
#include "core/engine/compress_engine_impl.h"
#include "core/engine/mask_views.h"
#include "core/engine/switched_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

std::filesystem::path stories(const std::filesystem::path& models) {
    return models / "stories260K" / "stories260K.bin";
}

MaskView viewOf(const at::Tensor& weight, const at::Tensor& mask, const at::Tensor& other,
                MaskColors colors = MaskColors::Patterns) {
    MaskRequest request;
    request.colors = colors;
    return makeMaskView(request, weight.contiguous(), mask.contiguous(),
                        other.defined() ? other.contiguous() : other);
}

TEST(MaskViews, FactsAreCountedWeightByWeight) {
    at::manual_seed(1);
    const auto weight = at::randn({37, 24});
    const auto mask = *magnitudeMask(weight, SparsityPattern::nOfM(2, 4));
    const auto other = *randomMask(weight.sizes(), SparsityPattern::nOfM(2, 4), 3);
    const MaskView view = viewOf(weight, mask, other);
    EXPECT_NEAR(view.facts.keptPart, 0.5, 1e-12);
    EXPECT_NEAR(view.facts.energyKept,
                ((weight * mask).square().sum() / weight.square().sum()).item<double>(), 1e-6);
    EXPECT_NEAR(view.facts.flippedPart, (mask != other).to(at::kDouble).mean().item<double>(), 1e-12);
    EXPECT_GT(view.facts.energyKept, view.facts.otherEnergyKept);
    EXPECT_EQ(view.facts.groups, 37 * 6);
    EXPECT_EQ(view.facts.otherwise, 0);
    int64_t counted = 0;
    for (size_t pattern = 0; pattern < 6; ++pattern) {
        // By the names of the patterns.
        int64_t expected = 0;
        for (int64_t row = 0; row < 37; ++row)
            for (int64_t group = 0; group < 6; ++group) {
                std::string text;
                for (int64_t i = 0; i < 4; ++i)
                    text += mask[row][4 * group + i].item<int>() ? '1' : '0';
                expected += text == kPatternNames[pattern];
            }
        EXPECT_EQ(view.facts.patterns[pattern], expected) << kPatternNames[pattern];
        counted += view.facts.patterns[pattern];
    }
    EXPECT_EQ(counted, view.facts.groups);
}

TEST(MaskViews, PicturesShowEachGroupAndWeight) {
    const auto weight = at::tensor({1.f, -2.f, 3.f, 4.f, 5.f, 6.f}).reshape({1, 6});
    const auto mask = at::tensor({1, 0, 1, 0, 1, 1}, at::kByte).reshape({1, 6});
    const auto other = at::tensor({0, 1, 1, 0, 1, 1}, at::kByte).reshape({1, 6});
    const MaskView patterns = viewOf(weight, mask, other);
    ASSERT_EQ(patterns.picture->width(), 2);                           // the last group has two weights only
    EXPECT_EQ(patterns.picture->value(0, 0, 0), kPatternColors[1].r);  // 1010
    EXPECT_EQ(patterns.picture->value(1, 0, 2), kPatternColors[0].b);  // 11
    const MaskView kept = viewOf(weight, mask, other, MaskColors::Kept);
    EXPECT_EQ(kept.picture->value(0, 0, 0), 1);
    EXPECT_EQ(kept.picture->value(1, 0, 0), 0);
    const MaskView dropped = viewOf(weight, mask, other, MaskColors::Dropped);
    EXPECT_EQ(dropped.picture->value(1, 0, 0), 2);  // its size
    const MaskView difference = viewOf(weight, mask, other, MaskColors::Difference);
    EXPECT_EQ(difference.picture->value(0, 0, 0), kComesColor.r);
    EXPECT_EQ(difference.picture->value(1, 0, 0), kGoesColor.r);
    EXPECT_EQ(difference.picture->value(2, 0, 0), kStayColor.r);
    EXPECT_EQ(difference.picture->value(3, 0, 0), kGoneColor.r);
}

TEST(CompressEngine, ShowsMasksOfAModelUnderItsPublicNames) {
    VITRINE_SHARED_DATA(models, "data/language_models");
    const auto engine = makeCompressEngine();
    JobContext job;
    const auto names = engine->matrices(stories(models));
    ASSERT_TRUE(names) << names.error().text();
    EXPECT_THAT(*names, ::testing::Contains("model.layers.4.mlp.down_proj.weight"));
    MaskRequest request{stories(models),
                        "model.layers.4.mlp.down_proj.weight",
                        {MaskSource::Kind::Magnitude, {}, "2:4"},
                        {},
                        MaskColors::Patterns};
    const auto view = engine->mask(request, job);
    ASSERT_TRUE(view) << view.error().text();
    EXPECT_EQ(view->matrix.rows, 64);
    EXPECT_EQ(view->matrix.columns, 172);
    EXPECT_EQ(view->facts.otherwise, 0);
    request.mask.pattern = "3:5";
    EXPECT_THAT(engine->mask(request, job).error().text(), HasSubstr("172"));
    request.tensor = "model.layers.9.mlp.down_proj.weight";
    EXPECT_THAT(engine->mask(request, job).error().text(), HasSubstr("no tensor"));
}

TEST(CompressEngine, CostsNameWhatCannotBeDone) {
    VITRINE_SHARED_DATA(models, "data/language_models");
    const auto engine = makeCompressEngine();
    const auto costs = engine->costs(stories(models),
                                     {{{"prune", "magnitude"}},
                                      {{"prune", "wanda"}, {"low_rank", "eora"}, {"rank", 100}},
                                      {{"prune", "x"}}},
                                     "float32");
    ASSERT_TRUE(costs) << costs.error().text();
    ASSERT_EQ(costs->rows.size(), 3u);
    EXPECT_EQ(costs->denseBytes, 260'032 * 4);
    EXPECT_EQ(costs->denseOperations, 2 * (5 * 45'312 + 512 * 64));
    EXPECT_NEAR(costs->rows[0].bitsPerWeight, 17, 0.01);
    EXPECT_LT(costs->rows[0].bytes, costs->denseBytes);
    EXPECT_THAT(costs->rows[1].problem, HasSubstr("rank 100 is larger"));
    EXPECT_THAT(costs->rows[2].problem, HasSubstr("\"x\""));
}

TEST(CompressEngine, SizesCostWhatAModelOfThemHas) {
    VITRINE_SHARED_DATA(models, "data/language_models");
    const auto engine = makeCompressEngine();
    const auto half = engine->sizesCost(stories(models), {.intermediate = 86, .depth = 4});
    ASSERT_TRUE(half) << half.error().text();
    EXPECT_EQ(half->denseParameters, 260'032);
    // A layer: 64 x (64 + 32 + 32 + 64) + 3 x 64 x 86 + 2 x 64; embedding 512 x 64, final norm 64.
    EXPECT_EQ(half->parameters, 4 * (64 * 192 + 3 * 64 * 86 + 128) + 512 * 64 + 64);
    EXPECT_EQ(half->bytes, 4 * half->parameters);
    EXPECT_LT(half->operations, half->denseOperations);
    EXPECT_THAT(engine->sizesCost(stories(models), {.heads = 3}).error().text(), HasSubstr("3 query heads"));
}

TEST(CompressEngine, WritesAndScoresAsTheModelIsKnownTo) {
    VITRINE_SHARED_DATA(models, "data/language_models");
    const auto engine = makeCompressEngine();
    JobContext job;
    WriteRequest request;
    request.model = stories(models);
    request.tokens = 24;
    std::string seen;
    const auto written = engine->write(request, job, [&](const std::string& text) { seen = text; });
    ASSERT_TRUE(written) << written.error().text();
    EXPECT_THAT(written->text, HasSubstr("there was a little girl named Lily"));
    EXPECT_EQ(seen, written->text);
    const auto scores = engine->score(stories(models), {}, written->text);
    ASSERT_TRUE(scores) << scores.error().text();
    std::string joined;
    double nats = 0;
    for (const TokenScore& each : *scores) {
        joined += each.text;
        nats += each.nats;
    }
    EXPECT_EQ(joined, written->text);
    EXPECT_NEAR(nats / double(scores->size() - 1), written->natsPerToken, 0.02);
}

TEST(CompressEngine, SwitchesActOnOneQuestionOnly) {
    VITRINE_SHARED_DATA(models, "data/language_models");
    const auto engine = makeCompressEngine();
    JobContext job;
    WhatIfRequest request;
    request.model = stories(models);
    request.text = "Once upon a time, there was a little";
    const auto plain = engine->whatIf(request, job);
    ASSERT_TRUE(plain) << plain.error().text();
    EXPECT_EQ(plain->divergence, 0);
    EXPECT_EQ(plain->natsBefore, plain->natsAfter);
    EXPECT_EQ(plain->layers, 5);
    EXPECT_EQ(plain->heads, 8);
    request.feedForwardOff = {1, 2};
    const auto without = engine->whatIf(request, job);
    ASSERT_TRUE(without) << without.error().text();
    EXPECT_EQ(without->natsBefore, plain->natsBefore);
    EXPECT_GT(without->natsAfter, without->natsBefore);
    EXPECT_GT(without->divergence, 0.01);
    request.feedForwardOff = {};
    request.attentionOff = {3};
    const auto attention = engine->whatIf(request, job);
    // All heads off are the attention off.
    request.attentionOff = {};
    for (int64_t head = 0; head < 8; ++head)
        request.headsOff.emplace_back(3, head);
    const auto heads = engine->whatIf(request, job);
    ASSERT_TRUE(attention && heads);
    EXPECT_NEAR(attention->natsAfter, heads->natsAfter, 1e-6);
    request.headsOff = {{5, 0}};
    EXPECT_THAT(engine->whatIf(request, job).error().text(), HasSubstr("no layer 5"));
    request.headsOff = {};
    const auto again = engine->whatIf(request, job);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->natsAfter, plain->natsBefore);
}

TEST(SwitchedModel, MasksAndHeadsComeTogether) {
    VITRINE_SHARED_DATA(models, "data/language_models");
    const auto model = loadLanguageModel(stories(models), {});
    ASSERT_TRUE(model);
    const auto& linear = *(*model)->decoder().linears().at(3);  // o_proj of the first layer
    const std::string name = (*model)->decoder().linearName(linear.place()) + ".weight";
    MaskSet masks;
    ASSERT_TRUE(masks.set(name, *magnitudeMask(linear.weight.detach(), SparsityPattern::nOfM(2, 4))));
    const auto x = at::randn({3, linear.inFeatures()});
    const at::NoGradGuard plain;
    auto expected = linear.weight.detach() * masks.mask(name)->to(at::kFloat);
    expected.slice(1, 8, 16).zero_();  // head 1 of width 8
    {
        SwitchedModel switched(**model);
        ASSERT_TRUE(switched.applyMasks(masks, {}));
        ASSERT_TRUE(switched.switchHeadsOff({{0, 1}}));
        EXPECT_LE((linear.forward(x) - x.matmul(expected.t())).abs().max().item<double>(), 1e-5);
    }
    EXPECT_FALSE(linear.replaced());
}

}  // namespace
}  // namespace vitrine
