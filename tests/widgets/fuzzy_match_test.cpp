#include "widgets/base/fuzzy_match.h"

#include "core/io/natural_order.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(FuzzyMatch, NeedsAllLettersInOrder) {
    EXPECT_TRUE(fuzzyMatch("fpv", "Fit the picture into the view"));
    EXPECT_FALSE(fuzzyMatch("vpf", "Fit the picture"));
    EXPECT_FALSE(fuzzyMatch("longer than text", "long"));
    EXPECT_EQ(fuzzyMatch("", "anything")->score, 0);
}

TEST(FuzzyMatch, PrefersWordStartsAndRuns) {
    EXPECT_GT(fuzzyMatch("und", "Undo")->score, fuzzyMatch("und", "Show the sound")->score);
    EXPECT_GT(fuzzyMatch("op", "Open pictures")->score, fuzzyMatch("op", "Stop")->score);
}

TEST(FuzzyMatch, NamesThePositions) {
    EXPECT_EQ(fuzzyMatch("kb", "key bar")->positions, (std::vector<int>{0, 4}));
    EXPECT_EQ(fuzzyMatch("EY", "key bar")->positions, (std::vector<int>{1, 2}));
}

TEST(NaturalOrder, NumbersCompareAsNumbers) {
    EXPECT_TRUE(naturalLess("img2.png", "img10.png"));
    EXPECT_FALSE(naturalLess("img10.png", "img2.png"));
    EXPECT_TRUE(naturalLess("a/9/x", "a/10/b"));
    EXPECT_TRUE(naturalLess("Apple", "banana"));
    EXPECT_TRUE(naturalLess("frame99999999999999999998", "frame99999999999999999999"));
}

TEST(NaturalOrder, IsStrict) {
    EXPECT_FALSE(naturalLess("a1", "a1"));
    EXPECT_NE(naturalLess("a01", "a1"), naturalLess("a1", "a01"));
}

}  // namespace
}  // namespace vitrine
