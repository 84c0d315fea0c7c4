#include "core/puzzle/batch_search.h"

#include "core/puzzle/search_budget.h"
#include "core/puzzle/stored_search.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

constexpr double kMib = 1024 * 1024;

// A layer of Llama-3.1-8B in two bytes a number: attention with `keyValueHeads` (0: none) of 128 channels.
PartCost llamaAttention(double keyValueHeads, const UseProfile& use) {
    const double projections = 4096.0 * (2 * 4096 + 2 * keyValueHeads * 128);
    PartCost cost;
    cost.parameters = keyValueHeads > 0 ? projections : 0;
    cost.cacheBytes = 2 * keyValueHeads * 128 * 2 * double(use.tokens() * use.batch);
    cost.bytes = 2 * cost.parameters + cost.cacheBytes;
    return cost;
}

ArchitectureCosts llama(size_t layers, const UseProfile& use) {
    ArchitectureCosts costs;
    costs.use = use;
    costs.context = 131072;
    costs.outer.parameters = 2 * 128256.0 * 4096 + 4096;
    costs.outer.bytes = 2 * costs.outer.parameters;
    LayerCosts layer;
    for (const double heads : {8.0, 4.0, 0.0})
        layer.attention.push_back(llamaAttention(heads, use));
    layer.feedForward = {{.parameters = 3 * 4096.0 * 14336, .bytes = 6 * 4096.0 * 14336}};
    costs.layers.assign(layers, layer);
    return costs;
}

// The public run of the specification: batch 96, 4096 + 4096 tokens in bfloat16 have 3072 MiB of keys and
// values for each attention layer with 8 heads, 61,440 MiB for the 20 of them that stay.
TEST(BatchSearch, MemoryIsThatOfWeightsAndCache) {
    const UseProfile run{96, 4096, 4096};
    const auto costs = llama(32, {8, 512, 512}).inUse(run);
    ASSERT_TRUE(costs) << costs.error().text();
    EXPECT_EQ(costs->layers[0].attention[0].cacheBytes, 3072 * kMib);
    EXPECT_EQ(costs->layers[0].attention[1].cacheBytes, 1536 * kMib);
    std::vector<BlockChoice> choices(32);
    for (size_t layer = 20; layer < 32; ++layer)
        choices[layer].attention = 2;
    const PartCost whole = costs->of(choices);
    EXPECT_EQ(whole.cacheBytes, 61440 * kMib);
    EXPECT_EQ(whole.bytes, 2 * whole.parameters + 61440 * kMib);
    EXPECT_EQ(whole.parameters, llama(32, run).of(choices).parameters);
    EXPECT_EQ(costs->json(), llama(32, run).json());
    // A window keeps no more than its own.
    ArchitectureCosts windowed = llama(2, {1, 64, 64});
    for (LayerCosts& layer : windowed.layers)
        layer.window = 256;
    const double ofAll = windowed.layers[0].attention[0].cacheBytes;
    EXPECT_EQ(windowed.inUse({4, 4096, 4096})->layers[0].attention[0].cacheBytes, 4 * 2 * ofAll);
    EXPECT_THAT(costs->inUse({1, 131072, 1}).error().text(), HasSubstr("the context holds 131072"));
}

TEST(BatchSearch, WhatAnEarlierVersionKeptStaysWithItsBatch) {
    Json json = llama(2, {8, 512, 512}).json();
    for (const char* key : {"prompt", "context"})
        json.erase(key);
    for (const char* parts : {"attention", "feed_forward"})
        for (Json& part : json["layers"][0][parts])
            part.erase("cache_bytes");
    const auto old = ArchitectureCosts::read(json, "costs");
    ASSERT_TRUE(old) << old.error().text();
    EXPECT_EQ(old->parent().bytes, llama(2, {8, 512, 512}).parent().bytes);
    EXPECT_TRUE(std::isnan(old->parent().cacheBytes));
    EXPECT_TRUE(old->inUse(old->use));
    EXPECT_THAT(old->inUse({16, 512, 512}).error().text(), HasSubstr("do not tell weights from cache"));
}

// Two layers of one attention part that may lose its cache, timed: t = 1 ms + 0.1 ms · batch with the cache,
// half of it without.
ArchitectureCosts timedAt(int64_t batch) {
    ArchitectureCosts costs;
    costs.use = {batch, 60, 40};
    const double seconds = 1e-3 + 1e-4 * double(batch), cache = 100 * double(batch);
    const LayerCosts layer{
        {{.bytes = 1000 + cache, .cacheBytes = cache, .promptSeconds = 10 * seconds, .tokenSeconds = seconds},
         {.bytes = 500, .promptSeconds = 5 * seconds, .tokenSeconds = seconds / 2}},
        {{.bytes = 200}}};
    costs.layers = {layer, layer};
    return costs;
}

TEST(BatchSearch, KeepsTheBestOfAllBatches) {
    const std::vector<std::vector<double>> scores{{0, 0.3}, {0, 0.5}};
    std::vector<ArchitectureCosts> candidates;
    for (const int64_t batch : {1, 4, 10, 40})
        candidates.push_back(timedAt(batch));
    // Tokens a second of the whole model: 455, 1429, 2500, 4000; bytes 2600, 3200, 4400, 10400.
    const auto search = searchBatches(scores, candidates, {.bytes = 4500, .tokensPerSecond = 2000});
    ASSERT_TRUE(search) << search.error().text();
    ASSERT_EQ(search->outcomes.size(), 4u);
    EXPECT_EQ(search->outcomes[search->best].use.batch, 10);
    EXPECT_EQ(search->outcomes[2].solution.score, 0);
    EXPECT_NEAR(search->outcomes[2].tokensPerSecond, 2500, 1e-6);
    // One sequence is too slow whatever goes; four must lose the cheaper part, forty both of them.
    EXPECT_THAT(search->outcomes[0].problem, HasSubstr("seconds of a token"));
    EXPECT_DOUBLE_EQ(search->outcomes[1].solution.score, 0.8);
    EXPECT_DOUBLE_EQ(search->outcomes[3].solution.score, 0.8);
    const Json json = search->json();
    EXPECT_TRUE(json[2]["kept"]);
    EXPECT_FALSE(json[0]["kept"]);
    EXPECT_TRUE(json[0].contains("problem"));
    EXPECT_EQ(json[2]["cache_bytes"], 2000);
    // T_max = batch · generated / throughput, and a limit of the generation itself: the smaller counts.
    for (const double seconds : {1.0, 0.06}) {
        const auto alone =
            searchBatches(scores, {candidates[1]}, {.generateSeconds = seconds, .tokensPerSecond = 1900});
        ASSERT_TRUE(alone) << alone.error().text();
        const BatchOutcome& only = alone->outcomes[0];
        EXPECT_LE(only.cost.tokenSeconds, std::min(4 / 1900.0, seconds / 40) * (1 + 1e-9));
        EXPECT_DOUBLE_EQ(only.solution.score, seconds == 1 ? 0.3 : 0.8);
    }
    // Equal scores: what is faster; where nothing was timed, more sequences.
    const auto free = searchBatches(scores, candidates, {.bytes = 1e6});
    EXPECT_EQ(free->outcomes[free->best].use.batch, 40);
    for (ArchitectureCosts& costs : candidates)
        costs = *costs.inUse({costs.use.batch, 30, 30});
    const auto untimed = searchBatches(scores, candidates, {.bytes = 3500});
    ASSERT_TRUE(untimed) << untimed.error().text();
    EXPECT_EQ(untimed->outcomes[untimed->best].use.batch, 4);
    EXPECT_THAT(searchBatches(scores, candidates, {.promptSeconds = 1}).error().text(),
                HasSubstr("none were measured for 1 sequence of 30 + 30 tokens"));
    const auto none = searchBatches(scores, candidates, {.bytes = 100});
    EXPECT_THAT(none.error().text(), HasSubstr("no batch has an architecture within the budget"));
    EXPECT_THAT(none.error().text(), HasSubstr("40 sequences of 30 + 30 tokens: the budget of bytes is 100"));
}

TEST(BatchSearch, BudgetsNameTheirUse) {
    const Json json{{"bytes", 0.6},        {"speed", 2.0},
                    {"memory_mib", 0.002}, {"tokens_per_second", 500.0},
                    {"prompt", 16},        {"batches", {4, 8, 4}}};
    const SearchBudget budget = SearchBudget::of(json);
    EXPECT_EQ(budget.json(), json);
    EXPECT_EQ(budget.name(),
              "bytes 0.6, speed 2, memory_mib 0.002, tokens_per_second 500, prompt 16, batches 4 8 4");
    EXPECT_EQ(budget.uses({2, 60, 40}), (std::vector<UseProfile>{{4, 16, 40}, {8, 16, 40}}));
    EXPECT_EQ(SearchBudget{}.uses({2, 60, 40}), (std::vector<UseProfile>{{2, 60, 40}}));
    EXPECT_TRUE(SearchBudget::of({{"batches", {1}}}).limitsNothing());
    EXPECT_EQ(SearchBudget::of({{"batches", {1}}}).name(), "");
    // Both kinds of limit: the tighter. The parent has 2 · (1000 + 200 + 400) bytes and 1429 tokens a second.
    const auto limits = budget.limits(timedAt(4));
    ASSERT_TRUE(limits) << limits.error().text();
    EXPECT_DOUBLE_EQ(limits->bytes, 0.6 * 3200);
    EXPECT_NEAR(limits->tokensPerSecond, 2 * 4 / 2.8e-3, 1e-6);
}

TEST(BatchSearch, StoredLibrariesAreSearchedInOtherUses) {
    const Json layer{{"attention", {{{"name", "parent"}}, {{"name", "none"}}}},
                     {"feed_forward", Json::array({Json{{"name", "parent"}}})},
                     {"scores", Json::array({Json::array({0.0}), Json::array({0.3})})}};
    Json report{{"library", {layer, layer}},
                {"costs", timedAt(4).json()},
                {"other_costs", {timedAt(1).json(), timedAt(10).json()}}};
    const auto stored = StoredLibrary::read(report, "puzzle.json");
    ASSERT_TRUE(stored) << stored.error().text();
    SearchBudget budget{.memoryMib = 4500 / kMib, .tokensPerSecond = 2000, .batches = {1, 4, 10}};
    const auto found = stored->search({.budget = budget, .alternatives = 1});
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(found->costs.use.batch, 10);
    EXPECT_EQ(found->batches.outcomes.size(), 3u);
    EXPECT_EQ(found->architectures.size(), 2u);
    EXPECT_EQ(found->architectures[0].cost.bytes, 4400);
    // No times were measured for 20; its memory is known all the same.
    budget.batches = {10, 20};
    EXPECT_THAT(stored->search({.budget = budget}).error().text(),
                HasSubstr("none were measured for 20 sequences of 60 + 40 tokens"));
    const auto larger = stored->search({.budget = {.memoryMib = 6400 / kMib, .batches = {20}}});
    ASSERT_TRUE(larger) << larger.error().text();
    EXPECT_EQ(larger->architectures[0].cost.cacheBytes, 4000);
    report["other_costs"][1]["layers"].erase(1);
    EXPECT_THAT(StoredLibrary::read(report, "puzzle.json").error().text(),
                HasSubstr("puzzle.json/other_costs/1: the layers have other numbers of variants"));
    report["other_costs"] = "x";
    EXPECT_THAT(StoredLibrary::read(report, "puzzle.json").error().text(), HasSubstr("is no list"));
}

}  // namespace
}  // namespace vitrine
