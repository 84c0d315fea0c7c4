#include "core/sparse_training/latency_budget.h"

#include "tests/core/sparse_training/latency_tables.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace vitrine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Inner channels: 16, 32 and 64.
const ClassifierNetwork& network() {
    static const ClassifierNetwork made = *ClassifierNetwork::create(
        {.kind = ClassifierKind::ResNet, .side = 16, .classes = 8, .width = 16, .blocksPerStage = 1});
    return made;
}

struct Random {
    std::mt19937_64 engine;
    double operator()(double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(engine);
    }
};

LatencyTable randomTable(Random& random, int64_t group) {
    return testing::tableOf(
        network(), group, random(0, 1), [&](const LayerLatency& layer, int64_t inputs, int64_t outputs) {
            const double part = double(inputs * outputs) / double(layer.shape[0] * layer.shape[1]);
            return 0.2 + part * random(0.5, 2);
        });
}

double sum(const std::vector<double>& values, int64_t count) {
    return std::accumulate(values.begin(), values.begin() + count, 0.0);
}

// Every subset of all groups, each group of its own: no order is asked for, so that the best one shows that
// the order costs nothing.
double bestByTrying(const LatencyBudget& budget, const std::vector<LatencyCandidates>& layers, double limit) {
    std::vector<std::pair<size_t, double>> groups;  // layer, importance
    std::vector<int64_t> smallest;
    double always = 0;
    for (size_t layer = 0; layer < layers.size(); ++layer) {
        const auto& steps = budget.steps(layer);
        smallest.push_back(steps.front());
        always += sum(layers[layer].scores, steps.front());
        for (size_t step = 1; step < steps.size(); ++step)
            groups.emplace_back(
                layer, sum(layers[layer].scores, steps[step]) - sum(layers[layer].scores, steps[step - 1]));
    }
    double best = -1;
    for (uint64_t chosen = 0; chosen < (uint64_t(1) << groups.size()); ++chosen) {
        std::vector<size_t> counts(layers.size(), 0);
        double score = always;
        for (size_t group = 0; group < groups.size(); ++group)
            if (chosen >> group & 1) {
                ++counts[groups[group].first];
                score += groups[group].second;
            }
        std::vector<int64_t> channels;
        for (size_t layer = 0; layer < layers.size(); ++layer)
            channels.push_back(budget.steps(layer)[counts[layer]]);
        if (budget.predictedMs(channels) <= limit)
            best = std::max(best, score);
    }
    return best;
}

TEST(LatencyBudget, ChoosesWhatTryingEverySubsetOfGroupsFinds) {
    for (uint64_t seed = 0; seed < 12; ++seed) {
        Random random{std::mt19937_64(seed)};
        const auto budget = LatencyBudget::create(network(), {1, 8, randomTable(random, 8)});
        ASSERT_TRUE(budget) << budget.error().text();
        const double least = budget->leastMs({16, 32, 64});
        const double limit = least + random(0.1, 0.9) * (budget->denseMs() - least);
        std::vector<LatencyCandidates> layers(3);
        const double size = std::pow(10, random(-9, 3));  // squares of gradients are tiny
        for (size_t layer = 0; layer < 3; ++layer) {
            for (int64_t channel = 0; channel < budget->steps(layer).back(); ++channel)
                layers[layer].scores.push_back(size * random(0, 1));
            std::sort(layers[layer].scores.rbegin(), layers[layer].scores.rend());
        }
        const auto chosen = budget->choose(layers, limit);
        ASSERT_TRUE(chosen) << chosen.error().text();
        double score = 0;
        for (size_t layer = 0; layer < 3; ++layer)
            score += sum(layers[layer].scores, (*chosen)[layer]);
        EXPECT_LE(budget->predictedMs(*chosen), limit * (1 + 1e-8)) << seed;
        EXPECT_NEAR(score / bestByTrying(*budget, layers, limit), 1, 1e-6) << seed;
        EXPECT_EQ(*chosen, *budget->choose(layers, limit));
    }
}

TEST(LatencyBudget, WhatIsKeptStaysAndOthersEnterInWholeGroups) {
    const auto budget = LatencyBudget::create(network(), {0.6, 8, testing::steppedTable(network(), 8)});
    ASSERT_TRUE(budget) << budget.error().text();
    // The second layer's candidates are worth nothing, the third's all.
    const std::vector<LatencyCandidates> layers{
        {8, std::vector<double>(8, 0)}, {16, std::vector<double>(16, 0)}, {8, std::vector<double>(56, 1)}};
    const auto chosen = budget->choose(layers, budget->limitMs());
    ASSERT_TRUE(chosen) << chosen.error().text();
    EXPECT_GE((*chosen)[0], 8);
    EXPECT_GE((*chosen)[1], 16);
    EXPECT_GT((*chosen)[2], 8);
    EXPECT_EQ((*chosen)[2] % 8, 0);
    EXPECT_LE(budget->predictedMs(*chosen), budget->limitMs() + 1e-9);
    EXPECT_GT(budget->predictedMs({(*chosen)[0], (*chosen)[1], std::min<int64_t>(64, (*chosen)[2] + 8)}),
              (*chosen)[2] < 64 ? budget->limitMs() : 0);
}

TEST(LatencyBudget, PredictsSumsAndGrowsEvenly) {
    const LatencyTable table = testing::steppedTable(network(), 8);
    const auto budget = LatencyBudget::create(network(), {1, 8, table});
    ASSERT_TRUE(budget);
    double sum = table.outsideMs;
    for (const LayerLatency& layer : table.layers)
        sum += layer.ms.back().back();
    EXPECT_NEAR(budget->denseMs(), sum, 1e-12);
    EXPECT_NEAR(budget->predictedMs({16, 32, 8}),
                sum - *table.layers[4].at(32, 64) - *table.layers[5].at(64, 64) + *table.layers[4].at(32, 8) +
                    *table.layers[5].at(8, 64),
                1e-12);
    EXPECT_THAT(budget->evenCounts(budget->denseMs()), ElementsAre(16, 32, 64));
    const double half = budget->predictedMs({8, 16, 32});
    EXPECT_THAT(budget->evenCounts(half), ElementsAre(8, 16, 32));
    EXPECT_THAT(budget->evenCounts(half - 1e-6), ElementsAre(8, 8, 24));
    EXPECT_NEAR(budget->leastMs({16, 32, 64}), budget->predictedMs({8, 8, 8}), 1e-12);
}

TEST(LatencyBudget, ALayerMayBeSlowerWithLess) {
    // Hardware steps: half of the channels of layer 1 take longer than all of them.
    LatencyTable table = testing::steppedTable(network(), 8);
    table.layers[0].ms[0][0] = 2 * table.layers[0].ms[0][1];
    const auto budget = LatencyBudget::create(network(), {0.9, 8, table});
    ASSERT_TRUE(budget);
    EXPECT_NEAR(budget->leastMs({16, 32, 64}), budget->predictedMs({16, 8, 8}), 1e-12);
    const std::vector<LatencyCandidates> layers{
        {0, std::vector<double>(16, 1)}, {0, std::vector<double>(32, 1)}, {0, std::vector<double>(64, 1)}};
    EXPECT_EQ((*budget->choose(layers, budget->limitMs()))[0], 16);
}

TEST(LatencyBudget, SaysWhatCannotBeMet) {
    const LatencyTable table = testing::steppedTable(network(), 8);
    const auto whole = LatencyBudget::create(network(), {1, 8, table});
    const double least = whole->leastMs({16, 32, 64}) / whole->denseMs();
    const auto refused = LatencyBudget::create(network(), {least * 0.9, 8, table});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(),
                AllOf(HasSubstr("settings.latency"), HasSubstr(fmt::format("({:.3g} %)", 100 * least)),
                      HasSubstr("groups of 8 channels"), HasSubstr("Raise it to")));
    EXPECT_TRUE(LatencyBudget::create(network(), {least, 8, table}));
    EXPECT_THAT(LatencyBudget::create(network(), {0, 8, table}).error().text(), HasSubstr("above 0"));
    EXPECT_THAT(LatencyBudget::create(network(), {0.5, 0, table}).error().text(),
                HasSubstr("settings.group"));
    const auto plain = ClassifierNetwork::create({.kind = ClassifierKind::Plain, .side = 16, .classes = 8});
    EXPECT_EQ(LatencyBudget::create(*plain, {0.5, 8, table}).error().code, ErrorCode::Unsupported);
    LatencyTable negative = table;
    negative.outsideMs = -100;
    EXPECT_THAT(LatencyBudget::create(network(), {0.5, 8, negative}).error().text(),
                HasSubstr("settings.latency_table"));
}

}  // namespace
}  // namespace vitrine
