#include "core/claims/claim_experiments.h"
#include "core/claims/claim_kind.h"
#include "core/runs/claim_store.h"
#include "core/runs/runner.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

namespace vitrine {
namespace {

ClaimTable tableOfThree() {
    std::vector<ClaimMeasurement> measurements;
    for (int64_t seed = 0; seed < 3; ++seed)
        measurements.push_back(
            {seed, {{"ours", {{"accuracy", 0.8 + 0.1 * double(seed)}}}, {"baseline", {{"accuracy", 0.5}}}}});
    return ClaimTable(std::move(measurements));
}

TEST(ClaimTable, MeansAndSampleDeviations) {
    const ClaimTable table = tableOfThree();
    EXPECT_DOUBLE_EQ(table.mean("ours", "accuracy"), 0.9);
    EXPECT_NEAR(table.deviation("ours", "accuracy"), 0.1, 1e-12);
    EXPECT_DOUBLE_EQ(table.deviation("baseline", "accuracy"), 0);
    EXPECT_EQ(table.arms(), (std::vector<std::string>{"baseline", "ours"}));
}

TEST(ClaimTable, WhatWasNotMeasuredHoldsNothing) {
    const ClaimTable table = tableOfThree();
    EXPECT_TRUE(std::isnan(table.mean("other", "accuracy")));
    EXPECT_FALSE(atLeast("unknown arm", table.mean("other", "accuracy"), 0).holds());
    EXPECT_FALSE(atMost("unknown arm", table.mean("other", "accuracy"), 0).holds());
    EXPECT_FALSE(allHold({}));
}

TEST(ClaimMeasurement, RoundTripKeepsMissingValues) {
    ClaimMeasurement measurement{4, {{"arm", {{"a", 1.5}, {"b", std::numeric_limits<double>::infinity()}}}}};
    const ClaimMeasurement back = ClaimMeasurement::fromJson(Json::parse(measurement.toJson().dump()));
    EXPECT_EQ(back.seed, 4);
    EXPECT_DOUBLE_EQ(back.arms.at("arm").at("a"), 1.5);
    EXPECT_TRUE(std::isnan(back.arms.at("arm").at("b")));
}

TEST(ClaimCatalogue, EveryEntryHasItsExperimentAndSaysAll) {
    std::set<std::string> names;
    for (const ClaimInfo& info : claimCatalogue()) {
        EXPECT_TRUE(names.insert(info.name).second) << info.name << " is listed twice";
        EXPECT_NE(claimExperiment(info.name), nullptr) << info.name;
        EXPECT_FALSE(info.statement.empty() || info.source.empty() || info.rule.empty() ||
                     info.system.empty());
        EXPECT_GE(info.seedCount, 1);
    }
}

TEST(ClaimCatalogue, UnknownNameNamesTheNearest) {
    if (claimCatalogue().empty())
        GTEST_SKIP() << "no claims yet";
    const std::string known = claimCatalogue().front().name;
    const auto found = findClaim(known + "x");
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().hint.find(known), std::string::npos);
}

TEST(ClaimStore, NewestVerdictOfEachClaim) {
    const testing::TemporaryFolder folder;
    auto project = Project::create(folder.path() / "project");
    ASSERT_TRUE(project);
    const RunStore runs(*project);
    const auto first = RunStore(*project).create({.name = "first", .kind = "claim"});
    const auto second = RunStore(*project).create({.name = "second", .kind = "claim"});
    ASSERT_TRUE(first && second);
    ClaimStore store(*project);
    ASSERT_TRUE(store.add("phi-s", *first, "rule", {{"x", 1}}, false));
    ASSERT_TRUE(store.add("phi-s", *second, "rule", {{"x", 2}}, true));
    ASSERT_TRUE(store.add("phi-s", *second, "rule", {{"x", 3}}, true));
    const auto newest = store.newest();
    ASSERT_TRUE(newest);
    ASSERT_EQ(newest->size(), 1u);
    EXPECT_EQ(newest->front().runId, second->id);
    EXPECT_EQ(newest->front().measured["x"], 3);
    EXPECT_TRUE(newest->front().holds);
}

}  // namespace
}  // namespace vitrine
