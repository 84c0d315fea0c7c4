// What is shown of Puzzle's libraries, costs and searches.
#include "app/desktop/compress/puzzle_questions.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/compress/batch_view.h"
#include "widgets/compress/cost_stack_view.h"
#include "widgets/compress/model_tree.h"
#include "widgets/compress/puzzle_budget_panel.h"
#include "widgets/compress/puzzle_grid.h"

#include <gmock/gmock.h>

#include <QLabel>
#include <QPushButton>

namespace vitrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Puzzle, VariantsStandBesideTheParentsOtherPart) {
    const Json layer{
        {"attention", {{{"name", "parent"}, {"parameters", 100}}, {{"name", "none"}, {"parameters", 0}}}},
        {"feed_forward",
         {{{"name", "parent"}, {"parameters", 200}},
          {{"name", "half"}, {"parameters", 100}, {"error_before", 0.6}, {"error_after", 0.2}},
          {{"name", "linear"}, {"parameters", 50}}}},
        {"scores", {{0, 0.1, 0.4}, {0.7, nullptr, 0.9}}}};
    const Json report{{"library", {layer, layer}},
                      {"architectures",
                       {{{"name", "parent"}, {"how", "parent"}, {"bytes", 10}, {"nats_per_token", 1}},
                        {{"name", "puzzle: bytes 0.5"},
                         {"how", "puzzle"},
                         {"bytes", 5},
                         {"nats_per_token", 1.5},
                         {"choice", {{0, 1}, {1, 0}}}}}}};
    const auto results = puzzleOf(report);
    ASSERT_TRUE(results) << results.error().text();
    EXPECT_DOUBLE_EQ(results->layers[0].feedForward[2].share, 0.25);
    EXPECT_THAT(results->architectures[1].choice, ElementsAre(std::pair(0, 1), std::pair(1, 0)));
    const HeatMap map = puzzleGrid(*results, PuzzleGrid::Scores);
    EXPECT_EQ(map.rows, 2);
    EXPECT_EQ(map.columns, 3);
    EXPECT_DOUBLE_EQ(map.at(0, 0), 0.7);
    EXPECT_DOUBLE_EQ(map.at(1, 2), 0.4);
    const HeatMap before = puzzleGrid(*results, PuzzleGrid::ErrorsBefore),
                  after = puzzleGrid(*results, PuzzleGrid::ErrorsAfter);
    EXPECT_DOUBLE_EQ(before.at(0, 1), 0.6);
    EXPECT_DOUBLE_EQ(after.at(0, 1), 0.2);
    EXPECT_DOUBLE_EQ(after.high, before.high);
    EXPECT_TRUE(std::isnan(after.at(0, 0)));
}

Json costOf(double size) {
    return {{"parameters", size}, {"bytes", 2 * size}, {"prompt_seconds", size}, {"token_seconds", size}};
}

TEST(Puzzle, PuzzlesAreSearchedAgain) {
    const Json layer{
        {"attention", {{{"name", "parent"}, {"parameters", 100}}, {{"name", "none"}, {"parameters", 0}}}},
        {"feed_forward", Json::array({Json{{"name", "parent"}, {"parameters", 200}}})},
        {"scores", Json::array({Json::array({0.0}), Json::array({0.7})})}};
    Json cheap = layer;
    cheap["scores"][1][0] = 0.2;
    const Json costs{{"attention", {costOf(100), costOf(0)}}, {"feed_forward", Json::array({costOf(200)})}};
    Json report{{"library", {layer, cheap}},
                {"architectures", Json::array()},
                {"costs", {{"batch", 2}, {"outer", costOf(0)}, {"layers", {costs, costs}}}}};
    StructureRun run;
    ASSERT_TRUE(readPuzzle(report, run));
    ASSERT_TRUE(run.stored);
    EXPECT_TRUE(run.puzzle.searchProblem.isEmpty());
    EXPECT_DOUBLE_EQ(run.puzzle.whole.parameters, 600);
    EXPECT_DOUBLE_EQ(run.puzzle.whole.tokensPerSecond, 2.0 / 600);
    EXPECT_TRUE(solvePuzzle(*run.stored, {}).choice.empty());
    const PuzzleSolution solution = solvePuzzle(*run.stored, {.parameters = 0.84});
    EXPECT_THAT(solution.choice, ElementsAre(std::pair(0, 0), std::pair(1, 0)));
    EXPECT_DOUBLE_EQ(solution.score, 0.2);
    EXPECT_DOUBLE_EQ(solution.bytes, 1000);
    EXPECT_DOUBLE_EQ(solution.tokensPerSecond, 2.0 / 500);
    EXPECT_EQ(layersThatDiffer(solution.choice, {{0, 0}, {0, 0}}), 1);
    EXPECT_THAT(solvePuzzle(*run.stored, {.bytes = 0.5}).problem.toStdString(),
                HasSubstr("the budget of bytes"));
    // What an earlier version kept is shown, and says why it cannot be searched.
    report.erase("costs");
    ASSERT_TRUE(readPuzzle(report, run));
    EXPECT_THAT(run.puzzle.searchProblem.toStdString(), HasSubstr("costs"));
}

// Layers of 100 and 200 parameters, of which a twentieth more is cache; times of 3 sequences.
TEST(Puzzle, CostsOfAnArchitectureStandBesideItsParents) {
    const auto part = [](double size) {
        return Json{{"parameters", size},
                    {"bytes", 2.1 * size},
                    {"cache_bytes", 0.1 * size},
                    {"prompt_seconds", size},
                    {"token_seconds", size / 10}};
    };
    const Json layer{
        {"attention", {{{"name", "parent"}, {"parameters", 100}}, {{"name", "none"}, {"parameters", 0}}}},
        {"feed_forward", Json::array({Json{{"name", "parent"}, {"parameters", 200}}})},
        {"scores", Json::array({Json::array({0.0}), Json::array({0.7})})}};
    const Json costs{{"attention", {part(100), part(0)}}, {"feed_forward", Json::array({part(200)})}};
    const Json all{
        {"batch", 3}, {"prompt", 16}, {"generated", 8}, {"outer", part(50)}, {"layers", {costs, costs}}};
    Json other = all;
    other["batch"] = 6;
    const Json batches{
        {{"batch", 3}, {"kept", false}, {"problem", "too slow"}},
        {{"batch", 6}, {"kept", true}, {"score", 0.7}, {"bytes", 1e6}, {"tokens_per_second", 9}}};
    Json report{{"library", {layer, layer}},
                {"costs", all},
                {"other_costs", Json::array({other})},
                {"batches", {{"both", batches}}},
                {"architectures",
                 {{{"name", "parent"}, {"how", "parent"}},
                  {{"name", "puzzle: both"},
                   {"how", "puzzle"},
                   {"budget", "both"},
                   {"batch", 6},
                   {"prompt", 16},
                   {"generated", 8},
                   {"choice", {{0, 0}, {1, 0}}}},
                  {{"name", "uniform: both"}, {"how", "uniform"}}}}};
    StructureRun run;
    ASSERT_TRUE(readPuzzle(report, run));
    const PuzzleArchitecture& found = run.puzzle.architectures[1];
    ASSERT_EQ(found.stack.layers.size(), 2u);
    EXPECT_DOUBLE_EQ(found.stack.layers[0].weights, 600);
    EXPECT_DOUBLE_EQ(found.stack.layers[0].cache, 30);
    EXPECT_DOUBLE_EQ(found.stack.layers[1].weights, 400);
    EXPECT_DOUBLE_EQ(found.stack.layers[1].generateSeconds, 20 * 8);
    EXPECT_DOUBLE_EQ(sumOf(found.parent).cache, 30 + 30 + 5);
    EXPECT_EQ(found.stack.use, "6 sequences of 16 + 8 tokens");
    EXPECT_EQ(run.puzzle.architectures[0].stack.use, "3 sequences of 16 + 8 tokens");
    EXPECT_TRUE(run.puzzle.architectures[2].stack.layers.empty());
    const auto memory = costSeries(PuzzleCostKind::Memory, found.stack, found.parent);
    ASSERT_EQ(memory.size(), 4u);
    EXPECT_DOUBLE_EQ(memory[0].y[1], 630e-6);  // the parent's second layer
    EXPECT_DOUBLE_EQ(memory[2].y[1], 420e-6);
    EXPECT_DOUBLE_EQ(memory[3].y[1], 400e-6);  // weights alone
    EXPECT_DOUBLE_EQ(memory[2].y[2], 105e-6);  // outside
    EXPECT_LT(memory[0].x[1], memory[2].x[1]);
    const auto time = costSeries(PuzzleCostKind::Time, found.stack, found.parent);
    ASSERT_EQ(time.size(), 4u);
    EXPECT_DOUBLE_EQ(time[2].y[1], 1e3 * (20 * 8 + 200));
    EXPECT_EQ(batchLines(found.batches).toStdString(), "batch 3: too slow\nbatch 6: score 0.7000, " +
                                                           sizeText(1e6).toStdString() +
                                                           ", 9 tokens a second, kept");
    const auto series = batchSeries(found.batches);
    ASSERT_EQ(series.size(), 2u);
    EXPECT_THAT(series[1].x, ElementsAre(6));
    // Another search, for several numbers of sequences: three are slower, and twelve were not timed.
    PuzzleSolution solution = solvePuzzle(*run.stored, {.speed = 1.5, .batches = {3, 6}});
    EXPECT_TRUE(solution.problem.isEmpty()) << solution.problem.toStdString();
    ASSERT_EQ(solution.batches.size(), 2u);
    EXPECT_TRUE(solution.batches[1].kept);
    EXPECT_EQ(solution.stack.use, "6 sequences of 16 + 8 tokens");
    solution = solvePuzzle(*run.stored, {.speed = 1.5, .batches = {3, 12}});
    EXPECT_THAT(solution.problem.toStdString(), HasSubstr("none were measured for 12 sequences"));
    EXPECT_DOUBLE_EQ(solvePuzzle(*run.stored, {.parameters = 1, .batches = {12}}).stack.layers[0].cache,
                     4 * 30);
    // A chain took the parent's blocks 0 and 3: they stand beside nothing.
    Json chained = report;
    chained["chain"] = {{"kept", {1, 2}}};
    for (Json* each : {&chained["costs"], &chained["other_costs"][0]})
        (*each)["removed"] = {costs, costs};
    ASSERT_TRUE(readPuzzle(chained, run));
    const PuzzleArchitecture& left = run.puzzle.architectures[1];
    ASSERT_EQ(left.stack.layers.size(), 4u);
    EXPECT_EQ(left.stack.layers[0].weights, 0);
    EXPECT_DOUBLE_EQ(left.stack.layers[1].weights, 600);
    EXPECT_DOUBLE_EQ(left.stack.layers[2].weights, 400);
    EXPECT_EQ(left.stack.layers[3].weights, 0);
    for (const PuzzleCost& layerCost : left.parent.layers)
        EXPECT_DOUBLE_EQ(layerCost.weights, 600);
    EXPECT_DOUBLE_EQ(sumOf(run.puzzle.architectures[0].stack).weights, 4 * 600 + 100);
    EXPECT_DOUBLE_EQ(run.puzzle.whole.parameters, 4 * 300 + 50);
    EXPECT_EQ(run.puzzle.layers[1].block, 2);
    EXPECT_EQ(puzzleGrid(run.puzzle, PuzzleGrid::Scores).rowLabel(0), "1");
    // What an earlier version kept does not tell weights from cache.
    for (const char* parts : {"attention", "feed_forward"})
        for (Json& each : report["costs"]["layers"][0][parts])
            each.erase("cache_bytes");
    report.erase("other_costs");
    ASSERT_TRUE(readPuzzle(report, run));
    EXPECT_TRUE(run.puzzle.architectures[0].stack.layers.empty());
    EXPECT_TRUE(costSeries(PuzzleCostKind::Memory, run.puzzle.architectures[0].stack, {}).empty());
}

TEST(Puzzle, BudgetsOfAPuzzle) {
    testing::qtApplication();
    PuzzleBudgetPanel panel;
    int changes = 0;
    QObject::connect(&panel, &PuzzleBudgetPanel::changed, [&] { ++changes; });
    panel.setWhole({1e6, 4e6, 0, 0});
    EXPECT_FALSE(panel.budgets().any());
    panel.setBudgets({.parameters = 0.6, .bytes = 0.55, .speed = 1.5});
    EXPECT_EQ(changes, 1);
    // Nothing was timed: speed cannot be limited.
    EXPECT_EQ(panel.budgets(), (PuzzleBudgets{.parameters = 0.6, .bytes = 0.55}));
    panel.setWhole({1e6, 4e6, 0.1, 200});
    panel.setBudgets({.promptTime = 0.5, .speed = 1.5});
    EXPECT_EQ(panel.budgets(), (PuzzleBudgets{.promptTime = 0.5, .speed = 1.5}));
    EXPECT_EQ(changes, 2);
    panel.setBudgets({.promptTime = 0.5, .batches = {1, 8, 32}});
    EXPECT_EQ(panel.budgets(), (PuzzleBudgets{.promptTime = 0.5, .batches = {1, 8, 32}}));
    EXPECT_EQ(changes, 3);
    panel.reset();
    EXPECT_EQ(changes, 3);
    EXPECT_FALSE(panel.budgets().any());
    EXPECT_TRUE(panel.budgets().batches.empty());
}

TEST(Puzzle, ASolutionStandsBesideTheChosenArchitecture) {
    testing::qtApplication();
    PuzzleView view;
    int asked = 0;
    QObject::connect(&view, &PuzzleView::budgetsChanged, [&] { ++asked; });
    PuzzleResults results;
    results.run = "a";
    results.whole = {1e6, 4e6, 0, 0};
    const PuzzleLayer layer{
        {{"parent", 1}, {"none", 0}}, {{"parent", 1}, {"half", 0.5}}, {{0, 0.1}, {0.2, 0.3}}};
    results.layers = {layer, layer};
    results.layers[1].block = 4;  // of a chain
    results.architectures = {{"puzzle: bytes 0.6", "puzzle", 6e5, 2e6, 1.5, 1.4, {{0, 1}, {0, 0}}}};
    results.architectures[0].copyingGain = 0.25;
    view.setResults(results);
    EXPECT_THAT(view.findChild<QLabel*>("puzzleFacts")->text().toStdString(),
                HasSubstr("1.4000 nats a token · a passage far in front saves 0.250 nats a token"));
    const auto text = [&] { return view.findChild<QLabel*>("puzzleSolvedFacts")->text().toStdString(); };
    const auto* make = view.findChild<QPushButton*>("puzzleMake");
    EXPECT_THAT(text(), HasSubstr("Move a budget"));
    EXPECT_FALSE(make->isEnabled());
    view.setBudgets({.bytes = 0.5});
    EXPECT_EQ(asked, 1);
    PuzzleSolution solution;
    solution.choice = {{0, 1}, {1, 0}};
    solution.parameters = 5e5;
    solution.bytes = 2e6;
    solution.score = 0.3;
    solution.seconds = 0.004;
    view.setSolution(solution);
    EXPECT_THAT(text(), HasSubstr("Solved again in 4 ms"));
    EXPECT_THAT(text(), HasSubstr("(50.0 %)"));
    EXPECT_THAT(text(), HasSubstr("differs from puzzle: bytes 0.6 in 1 of 2 layers"));
    EXPECT_TRUE(make->isEnabled());
    EXPECT_THAT(view.findChild<QWidget*>("puzzleSolved")->accessibleDescription().toStdString(),
                HasSubstr("4: none | parent"));
    solution = {};
    solution.problem = "the budget of bytes is too small";
    view.setSolution(solution);
    EXPECT_THAT(text(), HasSubstr("No architecture: the budget of bytes is too small"));
    EXPECT_FALSE(make->isEnabled());
    // Another run begins without budgets.
    results.run = "b";
    results.searchProblem = "there are no costs";
    view.setResults(results);
    EXPECT_FALSE(view.budgets().any());
    EXPECT_THAT(text(), HasSubstr("Cannot be searched again: there are no costs"));
}

}  // namespace
}  // namespace vitrine
