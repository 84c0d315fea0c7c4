#include "core/models/language/generation.h"

#include "tests/core/models/language/small_decoder.h"

#include <gmock/gmock.h>

#include <stop_token>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::smallConfig;
using testing::smallModel;

// Continuation without a cache: the whole text anew for every token.
std::vector<int64_t> slowly(const LanguageModel& model, std::vector<int64_t> ids, int64_t count) {
    at::NoGradGuard noGrad;
    std::vector<int64_t> fresh;
    for (int64_t i = 0; i < count; ++i) {
        const at::Tensor logits = model.decoder().logits(at::tensor(ids, at::kLong).unsqueeze(0));
        fresh.push_back(logits[0][-1].argmax().item<int64_t>());
        ids.push_back(fresh.back());
    }
    return fresh;
}

TEST(Generation, TheCacheChangesNothing) {
    for (const int64_t window : {0, 3})
        for (DecoderConfig config : {smallConfig(), testing::mixedConfig()}) {
            config.eos.clear();
            for (LayerSettings& layer : config.layers)
                layer.attention.window = window;
            const auto model = smallModel(config, 11);
            ASSERT_TRUE(model);
            JobContext job;
            const auto result = generate(*model, {1, 5, 9, 30}, {.maxNewTokens = 20}, job);
            ASSERT_TRUE(result) << result.error().text();
            EXPECT_EQ(result->ids, slowly(*model, {1, 5, 9, 30}, 20)) << "window " << window;
        }
}

TEST(Generation, APromptInTwoPartsIsOne) {
    at::NoGradGuard noGrad;
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    const at::Tensor ids = testing::someIds(1, 12);
    KeyValueCache cache(4);
    model->decoder().logits(ids.narrow(1, 0, 5), {.cache = &cache});
    const at::Tensor rest = model->decoder().logits(ids.narrow(1, 5, 7), {.cache = &cache});
    EXPECT_TRUE(at::allclose(rest, model->decoder().logits(ids).narrow(1, 5, 7), 1e-4, 1e-5));
    EXPECT_EQ(cache.length(), 12);
    cache.truncate(5);
    EXPECT_TRUE(
        at::allclose(model->decoder().logits(ids.narrow(1, 5, 7), {.cache = &cache}), rest, 1e-4, 1e-5));
}

TEST(Generation, ABlockWithoutAttentionHoldsNoCache) {
    at::NoGradGuard noGrad;
    DecoderConfig config = smallConfig(2);
    const auto full = smallModel(config);
    config.layers[0].attention.kind = SubLayerKind::NoOp;
    const auto half = smallModel(config);
    ASSERT_TRUE(full && half);
    KeyValueCache a(16), b(16);
    full->decoder().logits(testing::someIds(1, 8), {.cache = &a});
    half->decoder().logits(testing::someIds(1, 8), {.cache = &b});
    EXPECT_EQ(a.byteCount(), 2 * 2 * 2 * 16 * 8 * 4);  // blocks, keys and values, heads, tokens, width, bytes
    EXPECT_EQ(b.byteCount() * 2, a.byteCount());
}

TEST(Generation, SeedsDecideAndAreKept) {
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    JobContext job;
    const auto draw = [&](uint64_t seed) {
        GenerationOptions options;
        options.sampling = {.greedy = false, .temperature = 2.0, .seed = seed};
        options.stopAtEnd = false;
        return generate(*model, {1}, options, job)->ids;
    };
    EXPECT_EQ(draw(1), draw(1));
    EXPECT_NE(draw(1), draw(2));
}

TEST(Generation, TheSamplerFollowsTheProbabilities) {
    const at::Tensor logits = at::tensor({0.5, 0.25, 0.15, 0.1}).log();
    const auto shares = [&](Sampling sampling) {
        sampling.greedy = false;
        TokenSampler sampler(sampling);
        std::array<double, 4> counts{};
        for (int i = 0; i < 20000; ++i)
            counts[size_t(sampler.next(logits))] += 1.0 / 20000;
        return counts;
    };
    const auto all = shares({});
    EXPECT_NEAR(all[0], 0.5, 0.02);
    EXPECT_NEAR(all[3], 0.1, 0.02);
    const auto two = shares({.topK = 2});
    EXPECT_NEAR(two[0], 2.0 / 3, 0.02);
    EXPECT_EQ(two[2] + two[3], 0.0);
    const auto nucleus = shares({.topP = 0.7});
    EXPECT_NEAR(nucleus[0], 2.0 / 3, 0.02);
    EXPECT_EQ(nucleus[2] + nucleus[3], 0.0);
    const auto cold = shares({.temperature = 0.5});
    EXPECT_NEAR(cold[0], 0.25 / (0.25 + 0.0625 + 0.0225 + 0.01), 0.02);
}

TEST(Generation, EndsForTheRightReason) {
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    JobContext job;
    const auto full = generate(*model, {1, 2, 3}, {.maxNewTokens = 100, .stopAtEnd = false}, job);
    ASSERT_TRUE(full);
    EXPECT_EQ(full->reason, Generation::Reason::ContextFull);
    EXPECT_EQ(full->ids.size(), 30u);  // a context of 32: three given, the last one drawn needs no place
    int64_t seen = 0;
    const auto asked = generate(*model, {1}, {.stopAtEnd = false}, job, [&](int64_t) { return ++seen < 3; });
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->reason, Generation::Reason::Asked);
    EXPECT_EQ(asked->ids.size(), 3u);
    DecoderConfig config = smallConfig();
    config.eos = {full->ids[0]};
    const auto ending = smallModel(config);
    const auto ended = generate(*ending, {1, 2, 3}, {}, job);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, Generation::Reason::EndToken);
    EXPECT_EQ(ended->ids.size(), 1u);
}

TEST(Generation, RefusesWhatCannotBe) {
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    JobContext job;
    const auto errorOf = [&](const std::vector<int64_t>& prompt, GenerationOptions options) {
        const auto result = generate(*model, prompt, options, job);
        return result ? std::string() : result.error().text();
    };
    EXPECT_THAT(errorOf({}, {}), HasSubstr("no token"));
    EXPECT_THAT(errorOf(std::vector<int64_t>(33, 4), {}), HasSubstr("33 tokens, the context holds 32"));
    EXPECT_THAT(errorOf({40}, {}), HasSubstr("outside the vocabulary of 40"));
    GenerationOptions options;
    options.sampling.temperature = 0;
    EXPECT_THAT(errorOf({1}, options), HasSubstr("temperature"));
    options.sampling = {.topP = 0};
    EXPECT_THAT(errorOf({1}, options), HasSubstr("top-p"));
    std::stop_source stop;
    stop.request_stop();
    JobContext stopped(stop.get_token(), {});
    const auto result = generate(*model, {1}, {}, stopped);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace vitrine
