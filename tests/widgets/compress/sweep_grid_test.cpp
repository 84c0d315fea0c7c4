#include "widgets/compress/sweep_grid.h"

#include "core/base/json_schema.h"
#include "core/engine/compress_settings.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(SweepGrid, CombinationsThatDoSomethingEachOnce) {
    SweepGrid grid;
    grid.prune = {"none", "magnitude", "sparsegpt"};
    grid.patterns = {"2:4", "50%"};
    grid.formats = {"", "int4"};
    grid.rounding = {"nearest", "gptq"};
    grid.lowRank = {"", "eora"};
    grid.ranks = {"8", "16"};
    const auto plans = plansOfGrid(grid);
    ASSERT_TRUE(plans) << plans.error().text();
    // none: int4 by two roundings, three repairs each; the others: two patterns, three formats, three
    // repairs.
    EXPECT_EQ(plans->size(), 2u * 3 + 2 * 2 * 3 * 3);
    for (const Json& plan : *plans)
        EXPECT_FALSE(plan["prune"] == "none" && !plan.contains("format")) << plan.dump();
    // The job takes them all.
    Json settings{{"model", "x"}, {"plans", *plans}};
    EXPECT_TRUE(validateJson(settings, compressSettingsSchema()).empty());
    const auto again = gridOfPlans(*plans);
    ASSERT_TRUE(again);
    const Json remade = *plansOfGrid(*again);  // in the order of their first appearance
    EXPECT_THAT(std::vector<Json>(remade.begin(), remade.end()),
                ::testing::UnorderedElementsAreArray(plans->begin(), plans->end()));
}

TEST(SweepGrid, PlansThatAreNoGridAreNotTakenForOne) {
    const Json uneven{{{"prune", "magnitude"}}, {{"prune", "wanda"}, {"pattern", "4:8"}}};
    EXPECT_FALSE(gridOfPlans(uneven));
    EXPECT_FALSE(gridOfPlans(Json{{{"prune", "wanda"}, {"damping", 0.1}}}));
    // Defaults that a form fills in change nothing.
    const auto grid = gridOfPlans(Json{{{"prune", "wanda"}, {"damping", 0.01}, {"skip", Json::array()}}});
    ASSERT_TRUE(grid);
    EXPECT_EQ(grid->prune, QStringList{"wanda"});
    EXPECT_FALSE(gridOfPlans(Json::array()));
}

TEST(SweepGrid, SaysWhatIsMissing) {
    SweepGrid grid;
    grid.ranks = {"many"};
    grid.lowRank = {"eora"};
    EXPECT_THAT(plansOfGrid(grid).error().text(), HasSubstr("\"many\" is no rank"));
    grid.patterns = {};
    EXPECT_THAT(plansOfGrid(grid).error().text(), HasSubstr("no sparsity is chosen"));
    grid = {};
    grid.prune = {"none"};
    EXPECT_THAT(plansOfGrid(grid).error().text(), HasSubstr("change nothing"));
}

}  // namespace
}  // namespace vitrine
