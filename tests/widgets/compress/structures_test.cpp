#include "app/desktop/compress/elastic_questions.h"
#include "app/desktop/compress/puzzle_questions.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Structures, CutsKeepTheLargestScores) {
    EXPECT_EQ(sortedScores({1, 4, 2}), (QVector<double>{1, 0.5, 0.25}));
    EXPECT_DOUBLE_EQ(keptImportance({{1, 3}, {2, 2}}, 1), 5.0 / 8);
    EXPECT_DOUBLE_EQ(keptImportance({}, 1), 1);
    EXPECT_THAT(removedBlocks({0.3, 0.1, 0.2}, 1), ElementsAre(1, 2));
    EXPECT_THAT(removedBlocks({0.3, 0.1, 0.2}, 3), ElementsAre());
    EXPECT_DOUBLE_EQ(rankAgreement({1, 2, 3}, {10, 20, 30}), 1);
    EXPECT_DOUBLE_EQ(rankAgreement({1, 2, 3}, {3, 2, 1}), -1);
    EXPECT_TRUE(std::isnan(rankAgreement({1, 1, 1}, {1, 2, 3})));
}

TEST(Structures, ReportsAreReadAndDamagedOnesNamed) {
    const Json ranking{{"channels", {1, 2}},
                       {"neurons", {{1, 2, 3}, Json::array()}},
                       {"heads", {{1}, {2}}},
                       {"blocks", {{"cosine", {0.1, 0.2}}}}};
    const auto scores = scoresOf(ranking);
    ASSERT_TRUE(scores) << scores.error().text();
    EXPECT_EQ(scores->neurons[0].size(), 3u);
    EXPECT_TRUE(scores->neurons[1].empty());
    EXPECT_THAT(scores->blocks.at("cosine"), ElementsAre(0.1, 0.2));
    EXPECT_THAT(scoresOf(Json::object()).error().text(), HasSubstr("neurons"));
    EXPECT_THAT(studentsOf(Json{{"students", 1}, {"x", 2}}.at("x")).error().text(), HasSubstr("students"));
    EXPECT_THAT(puzzleOf(Json::array()).error().text(), HasSubstr("library"));
}

TEST(Structures, SizesOfAnElasticModel) {
    const auto size = [](double budget, double nats, const Json& blocks) {
        return Json{{"budget", budget},       {"size", budget},         {"parameters", 1e6 * budget},
                    {"nats_per_token", nats}, {"chosen_by", "routers"}, {"largest_probability", 0.9},
                    {"blocks", blocks}};
    };
    const Json whole{{"neurons", 1}, {"heads", 1}}, half{{"neurons", 0.5}, {"heads", 1}};
    Json report{{"dense", {{"bible", {{"nats_per_token", 1.0}}}, {"manual", {{"nats_per_token", 2.0}}}}},
                {"sizes", {size(1, 1.6, {whole, whole}), size(0.5, 1.9, {whole, half})}}};
    const auto results = elasticOf(report);
    ASSERT_TRUE(results) << results.error().text();
    EXPECT_DOUBLE_EQ(results->denseNats, 1.5);
    ASSERT_EQ(results->sizes.size(), 2u);
    EXPECT_THAT(results->sizes[1].neurons, ElementsAre(1, 0.5));
    HeatMap map = elasticRoutes(*results);
    EXPECT_EQ(map.rows, 2);
    EXPECT_EQ(map.columns, 2);  // all keep all heads: they are left out
    EXPECT_DOUBLE_EQ(map.at(1, 1), 0.5);
    report["sizes"][1]["blocks"][0]["heads"] = 0.5;
    map = elasticRoutes(*elasticOf(report));
    EXPECT_EQ(map.columns, 4);
    EXPECT_DOUBLE_EQ(map.at(1, 2), 0.5);
    EXPECT_TRUE(tokenRoutes(results->sizes[1]).isEmpty());  // of routers that see the budget alone
    report["sizes"][1]["routes"] = {{"tokens", {"In", "\n", "the"}},
                                    {"shares", {{1, 0.5, 0.25}, {1, 1, 0.5}}}};
    const HeatMap tokens = tokenRoutes(elasticOf(report)->sizes[1]);
    EXPECT_EQ(tokens.rows, 2);
    EXPECT_DOUBLE_EQ(tokens.at(0, 2), 0.25);
    EXPECT_EQ(tokens.columnLabel(1), QStringLiteral("\u21b5"));
    report["sizes"][1]["routes"]["shares"][1] = {1};
    EXPECT_THAT(elasticOf(report).error().text(), HasSubstr("3 tokens and shares of 1"));
    report["sizes"][1].erase("routes");
    report["sizes"][1]["blocks"].erase(0);
    EXPECT_THAT(elasticOf(report).error().text(), HasSubstr("budget 0.5 has 1 blocks, the first has 2"));
    EXPECT_THAT(elasticOf(Json::array()).error().text(), HasSubstr("sizes"));
}

}  // namespace
}  // namespace vitrine
