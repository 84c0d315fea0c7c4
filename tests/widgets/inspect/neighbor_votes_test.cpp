// Weighted kNN, picture by picture, as the analysis dock shows it.
#include "core/engine/neighbor_votes.h"

#include "app/desktop/inspect/analysis/analysis_pages.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

NeighborLists lists() {
    NeighborLists lists;
    lists.rows = {{"/x/a/1.png", {{"/x/a/2.png", "a", 0.9}, {"/x/b10/1.png", "b10", 0.8}}},
                  {"/x/a/2.png", {{"/x/b10/1.png", "b10", 0.7}, {"/x/b2/1.png", "b2", 0.7}}},
                  {"/x/b10/1.png", {{"/x/b10/9.png", "b10", 0.5}, {"/x/a/1.png", "a", 0.5}}},
                  {"/x/none.png", {{"/x/a/1.png", "a", 1}}}};
    return lists;
}

const std::vector<std::string> kPaths{"/x/a/1.png", "/x/b10/1.png", "/x/b2/1.png", "/x/a/2.png",
                                      "/x/none.png"};
const std::vector<std::string> kLabels{"a", "b10", "b2", "a", ""};

TEST(NeighborVotes, WeighVotesByCosine) {
    const auto votes = votesOf(lists(), kPaths, kLabels, 0.1);
    ASSERT_TRUE(votes) << votes.error().text();
    ASSERT_EQ(votes->pictures.size(), 3u);  // without the one that has no class
    EXPECT_EQ(votes->pictures[0].chosen, "a");
    EXPECT_NEAR(votes->pictures[0].share, 1 / (1 + std::exp(-1)), 1e-9);
    EXPECT_EQ(votes->pictures[1].chosen, "b10");  // a tie: its first picture comes first
    EXPECT_EQ(votes->pictures[2].chosen, "a");    // a tie again
    EXPECT_EQ(votes->rightCount(), 1);
    EXPECT_EQ(votes->classes, (std::vector<std::string>{"a", "b2", "b10"}));
    EXPECT_EQ(votes->at(0, 0), 1);
    EXPECT_EQ(votes->at(0, 2), 1);
    EXPECT_EQ(votes->at(2, 0), 1);
    EXPECT_NEAR(votes->largestShare(), 2.0 / 3, 1e-9);
}

TEST(NeighborVotes, NeedTwoClasses) {
    const auto one = votesOf(lists(), {"/x/a/1.png", "/x/a/2.png"}, {"a", "a"}, 0.07);
    ASSERT_FALSE(one);
    EXPECT_NE(one.error().text().find("one class, \"a\""), std::string::npos) << one.error().text();
    EXPECT_FALSE(votesOf(lists(), {"/x/a/1.png"}, {"a"}, 0.07));
}

TEST(NeighborVotes, AreShownWrongOnesFirst) {
    const LabelVotes votes = *votesOf(lists(), kPaths, kLabels, 0.1);
    EXPECT_EQ(shownVotes(votes), (std::vector<size_t>{1, 2, 0}));
    EXPECT_EQ(shownVotes(votes, QPoint(2, 0)), (std::vector<size_t>{1}));  // own class a, named b10
    const TableContent table = tableOf(votes, shownVotes(votes));
    EXPECT_EQ(table.rows[0][0].toString(), "2.png");
    EXPECT_EQ(table.rows[0][2].toString(), "b10");
    const HeatMap map = heatMapOf(votes, "m");
    EXPECT_DOUBLE_EQ(map.at(0, 2), 0.5);
    EXPECT_TRUE(std::isnan(map.at(1, 1)));  // no picture of this class was asked for
    EXPECT_TRUE(captionOf(AnalysisOutcome{{}, "m", "m", votes, 2}).contains("1 of 3 right (33.3 %)"));
    EXPECT_EQ(csvOf(votes).substr(0, 33), "picture,class,chosen,share,neares");
}

}  // namespace
}  // namespace vitrine
