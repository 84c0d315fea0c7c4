#include "core/flextron/loss_surrogate.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

DecoderConfig fourBlocks() {
    DecoderConfig config;
    config.vocabulary = 16;
    config.width = 16;
    LayerSettings layer;
    layer.attention.queryHeads = 4;
    layer.attention.keyValueHeads = 2;
    layer.attention.headWidth = 4;
    layer.feedForward.intermediate = 32;
    config.layers.assign(4, layer);
    return config;
}

// Cutting the last block costs far more than cutting the others.
double planted(const ElasticSpace& space, const ElasticChoice& choice) {
    double loss = 1;
    for (size_t block = 0; block < choice.size(); ++block)
        loss += (block == 3 ? 1.0 : 0.1) * std::pow(1 - space.neuronShares[size_t(choice[block].neurons)], 2);
    return loss;
}

std::vector<SurrogateSample> measured(const DecoderConfig& config, const ElasticSpace& space, int64_t count,
                                      uint64_t seed) {
    std::vector<SurrogateSample> samples;
    for (const ElasticChoice& choice : randomChoices(config, space, count, seed))
        samples.push_back({choice, planted(space, choice)});
    return samples;
}

TEST(LossSurrogate, PredictsChoicesThatItHasNotSeen) {
    const DecoderConfig config = fourBlocks();
    const ElasticSpace space;
    const auto surrogate = LossSurrogate::fit(config, space, measured(config, space, 64, 1));
    ASSERT_TRUE(surrogate) << surrogate.error().text();
    const auto fresh = measured(config, space, 64, 2);
    double mean = 0, spread = 0;
    for (const SurrogateSample& sample : fresh)
        mean += sample.loss / 64;
    for (const SurrogateSample& sample : fresh)
        spread += std::pow(sample.loss - mean, 2) / 64;
    EXPECT_LT(surrogate->error(fresh), 0.4 * std::sqrt(spread));
}

TEST(LossSurrogate, SparesTheBlockThatMatters) {
    const DecoderConfig config = fourBlocks();
    const ElasticSpace space;
    const auto surrogate = LossSurrogate::fit(config, space, measured(config, space, 96, 1));
    ASSERT_TRUE(surrogate);
    const auto best = surrogate->bestFor(0.5);
    ASSERT_TRUE(best);
    EXPECT_NEAR(elasticShare(config, space, *best), 0.5, 0.025 + 1e-9);
    EXPECT_LE((*best)[3].neurons, 1);
    EXPECT_LT(planted(space, *best), planted(space, sameChoice(config, {2, 0})) - 0.05);
    EXPECT_FALSE(surrogate->bestFor(0.1));  // a quarter is the least there is
}

TEST(LossSurrogate, RefusesWhatItCannotLearnFrom) {
    const DecoderConfig config = fourBlocks();
    const ElasticSpace space;
    const auto few = LossSurrogate::fit(config, space, measured(config, space, 3, 1));
    ASSERT_FALSE(few);
    EXPECT_THAT(few.error().text(), HasSubstr("too few"));
    auto samples = measured(config, space, 8, 1);
    samples[2].loss = NAN;
    EXPECT_FALSE(LossSurrogate::fit(config, space, samples));
    samples[2] = {ElasticChoice(3), 1};
    EXPECT_FALSE(LossSurrogate::fit(config, space, samples));
}

}  // namespace
}  // namespace vitrine
