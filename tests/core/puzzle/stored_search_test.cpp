#include "core/puzzle/stored_search.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

// Two variants of attention and three of the feed-forward part in each of `layers` layers.
Json report(int layers, bool timed = true) {
    Json library = Json::array(), costs = Json::array();
    const auto cost = [&](double size) {
        return Json{{"parameters", size},
                    {"bytes", 2 * size},
                    {"cache_bytes", 0.5 * size},
                    {"prompt_seconds", timed ? size / 1000 : 0.0},
                    {"token_seconds", timed ? size / 10000 : 0.0}};
    };
    for (int i = 0; i < layers; ++i) {
        const double worth = 0.1 * (1 + (i * 7) % 5);
        library.push_back(
            {{"attention", {{{"name", "parent"}}, {{"name", "none"}}}},
             {"feed_forward", {{{"name", "parent"}}, {{"name", "half"}}, {{"name", "none"}}}},
             {"scores",
              {{0, worth, 3 * worth}, {2 * worth, 2.5 * worth, i == 0 ? Json() : Json(6 * worth)}}}});
        costs.push_back(
            {{"attention", {cost(100), cost(0)}}, {"feed_forward", {cost(200), cost(100), cost(0)}}});
    }
    return {{"library", library},
            {"costs", {{"batch", 4}, {"generated", 8}, {"outer", cost(50)}, {"layers", costs}}}};
}

// A chain of six blocks that left the parent's 0, 2, 3 and 5 to the library.
TEST(StoredSearch, ABlockOfAChainIsThePartOfTheParentThatItStandsFor) {
    Json json = report(4);
    json["costs"]["prompt"] = 8;
    json["costs"]["removed"] = {json["costs"]["layers"][0], json["costs"]["layers"][1]};
    json["chain"] = {{"kept", {0, 2, 3, 5}}, {"removed", {4, 1}}};
    const auto stored = StoredLibrary::read(json, "puzzle.json");
    ASSERT_TRUE(stored) << stored.error().text();
    // The whole parent, of which shares are: variants of the removed blocks but the first do not count.
    EXPECT_EQ(stored->costs.parent().parameters, 50 + 6 * 300);
    EXPECT_EQ(stored->costs.parent().bytes, 2 * (50 + 6 * 300));
    const auto answer = stored->search({.budget = {.parameters = 0.7}});
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->architectures[0].score, 0);  // four of six blocks are few enough
    EXPECT_THAT(stored->text(answer->architectures[0]), HasSubstr("\n5: parent | parent"));
    EXPECT_GT(stored->search({.budget = {.parameters = 0.6}})->architectures[0].score, 0);
    // Twice the sequences have twice the cache, in removed blocks too.
    const auto twice = stored->costs.inUse({8, 8, 8});
    ASSERT_TRUE(twice) << twice.error().text();
    EXPECT_DOUBLE_EQ(twice->parent().cacheBytes, 2 * stored->costs.parent().cacheBytes);
    const auto read = ArchitectureCosts::read(stored->costs.json(), "costs");
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->parent().bytes, stored->costs.parent().bytes);
    json["chain"]["kept"] = {0, 2, 3};
    EXPECT_THAT(StoredLibrary::read(json, "puzzle.json").error().text(),
                HasSubstr("puzzle.json/chain: 4 layers have variants, \"kept\" lists 3 blocks"));
    json["chain"]["kept"] = {0, 3, 2, 5};
    EXPECT_THAT(StoredLibrary::read(json, "puzzle.json").error().text(),
                HasSubstr("no list of blocks in order"));
    json["costs"]["removed"][1].erase("attention");
    EXPECT_THAT(StoredLibrary::read(json, "puzzle.json").error().text(),
                HasSubstr("puzzle.json/costs/removed/1: there is no list \"attention\""));
}

TEST(StoredSearch, FindsWhatTryingAllFinds) {
    const auto stored = StoredLibrary::read(report(5), "puzzle.json");
    ASSERT_TRUE(stored) << stored.error().text();
    EXPECT_TRUE(stored->costs.timed());
    EXPECT_EQ(stored->costs.parent().parameters, 50 + 5 * 300);
    for (const SearchBudget& budget :
         {SearchBudget{.parameters = 0.7}, SearchBudget{.bytes = 0.5}, SearchBudget{.promptTime = 0.6},
          SearchBudget{.parameters = 0.9, .speed = 1.5}}) {
        const auto answer = stored->search({.budget = budget, .alternatives = 3, .difference = 0.4});
        ASSERT_TRUE(answer) << budget.name() << " " << answer.error().text();
        const auto* found = &answer->architectures;
        const auto limits = budget.limits(stored->costs);
        ASSERT_TRUE(limits);
        const auto tried = solveByTrying(architectureProblem(stored->scores, stored->costs, *limits));
        ASSERT_TRUE(tried);
        EXPECT_NEAR(found->front().score, tried->score, 1e-9) << budget.name();
        EXPECT_TRUE(found->front().proven);
        for (size_t i = 0; i < found->size(); ++i) {
            const StoredSolution& one = (*found)[i];
            const auto within = [](double cost, double share, double whole) {
                return share == 0 || cost <= share * whole * (1 + 1e-9);
            };
            EXPECT_TRUE(within(one.cost.parameters, budget.parameters, 1550));
            EXPECT_TRUE(within(one.cost.bytes, budget.bytes, 3100));
            EXPECT_TRUE(within(one.cost.promptSeconds, budget.promptTime, 1.55));
            EXPECT_TRUE(within(one.cost.tokenSeconds, budget.speed > 0 ? 1 / budget.speed : 0, 0.155));
            EXPECT_FALSE(one.choice[0] == (BlockChoice{1, 2}));  // it has no score
            for (size_t j = 0; j < i; ++j) {
                int alike = 0;
                for (size_t layer = 0; layer < 5; ++layer)
                    alike += one.choice[layer] == (*found)[j].choice[layer];
                EXPECT_LE(alike, 3);  // two of five differ
                EXPECT_LE((*found)[j].score, one.score + 1e-9);
            }
        }
        EXPECT_THAT(stored->text(found->front()), HasSubstr("0: "));
    }
}

TEST(StoredSearch, SaysWhichBudgetCannotBeMet) {
    const auto stored = StoredLibrary::read(report(4), "puzzle.json");
    ASSERT_TRUE(stored);
    EXPECT_THAT(stored->search({.budget = {.bytes = 0.01}}).error().text(),
                HasSubstr("the budget of bytes is 25; the smallest architecture takes"));
    EXPECT_THAT(stored->search({.budget = {.parameters = 0.9, .speed = 1e6}}).error().text(),
                HasSubstr("the budget of seconds of a token"));
    EXPECT_THAT(stored->search({}).error().text(), HasSubstr("a budget limits nothing"));
    const auto untimed = StoredLibrary::read(report(4, false), "puzzle.json");
    ASSERT_TRUE(untimed);
    EXPECT_THAT(untimed->search({.budget = {.speed = 2}}).error().text(), HasSubstr("needs times"));
    EXPECT_TRUE(untimed->search({.budget = {.parameters = 0.7}}));
}

TEST(StoredSearch, CostsAreReadBack) {
    const auto stored = StoredLibrary::read(report(3), "puzzle.json");
    ASSERT_TRUE(stored);
    const Json written = stored->costs.json();
    const auto again = ArchitectureCosts::read(written, "costs");
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->json(), written);
    EXPECT_EQ(written["batch"], 4);
}

TEST(StoredSearch, NamesWhatIsDamaged) {
    const auto errorOf = [](const Json& damaged) {
        const auto read = StoredLibrary::read(damaged, "puzzle.json");
        return read ? std::string("none") : read.error().text();
    };
    EXPECT_THAT(errorOf(Json::array()), HasSubstr("no \"library\""));
    Json json = report(2);
    json["library"].erase(1);
    EXPECT_THAT(errorOf(json), HasSubstr("1 layers have variants, 2 have costs"));
    json = report(2);
    json["library"][1]["scores"][0].erase(0);
    EXPECT_THAT(errorOf(json), HasSubstr("puzzle.json/library/1: scores of 2 x 3 pairs are needed"));
    json = report(2);
    json["costs"]["layers"][0]["attention"][1].erase("bytes");
    EXPECT_THAT(errorOf(json), HasSubstr("puzzle.json/costs/layers/0: a part has no \"bytes\""));
    json = report(2);
    json["library"][0]["attention"] = 3;
    EXPECT_THAT(errorOf(json), HasSubstr("2 variants have costs, 0 are listed"));
    json["costs"] = "x";
    EXPECT_THAT(errorOf(json), HasSubstr("no costs of layers"));
}

}  // namespace
}  // namespace vitrine
