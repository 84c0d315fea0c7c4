#include "core/puzzle/architecture_solver.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

// Layers with variants that are worse the cheaper they are, more or less.
ArchitectureProblem randomProblem(uint64_t seed, size_t layers, size_t variants, size_t budgets,
                                  double share) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    ArchitectureProblem problem;
    problem.budgets.resize(budgets);
    for (size_t b = 0; b < budgets; ++b)
        problem.budgets[b].name = b == 0 ? "bytes" : "seconds";
    for (size_t i = 0; i < layers; ++i) {
        std::vector<double> scores;
        std::vector<std::vector<double>> costs(budgets);
        for (size_t j = 0; j < variants; ++j) {
            scores.push_back(double(j) * 0.3 * uniform(random) + (j > 0 ? 0.01 : 0));
            for (auto& cost : costs)
                cost.push_back((double(variants - j) - 0.5 * uniform(random)) * 1e6);
        }
        problem.scores.push_back(scores);
        for (size_t b = 0; b < budgets; ++b)
            problem.budgets[b].costs.push_back(costs[b]);
    }
    for (size_t b = 0; b < budgets; ++b)
        problem.budgets[b].limit = share * problem.costOf(b, std::vector<int64_t>(layers, 0));
    return problem;
}

TEST(ArchitectureSolver, FindsWhatTryingAllFinds) {
    int solved = 0;
    for (uint64_t seed = 0; seed < 30; ++seed)
        for (const size_t layers : {2u, 4u, 6u}) {
            const auto problem =
                randomProblem(seed, layers, 4 + seed % 3, 1 + seed % 2, 0.35 + 0.02 * double(seed));
            const auto tried = solveByTrying(problem);
            const auto found = solveArchitecture(problem);
            ASSERT_EQ(bool(tried), bool(found)) << seed << " " << layers;
            if (!tried)
                continue;
            ++solved;
            EXPECT_NEAR(found->score, tried->score, 1e-9) << seed << " " << layers;
            EXPECT_TRUE(problem.allows(found->choice));
            EXPECT_TRUE(found->proven);
            EXPECT_LE(found->bound, found->score + 1e-6);
            const auto greedy = solveGreedily(problem);
            const auto drawn = drawArchitecture(problem, seed);
            ASSERT_TRUE(greedy) << greedy.error().text();
            EXPECT_TRUE(problem.allows(greedy->choice));
            EXPECT_GE(greedy->score, tried->score - 1e-12);
            if (drawn) {
                EXPECT_TRUE(problem.allows(drawn->choice));
                EXPECT_GE(drawn->score, tried->score - 1e-12);
            }
        }
    EXPECT_GT(solved, 60);
}

TEST(ArchitectureSolver, NamesTheBudgetThatCannotBeMet) {
    auto problem = randomProblem(3, 4, 4, 2, 0.8);
    problem.budgets[1].limit = 10;
    for (const auto& failed : {solveArchitecture(problem), solveByTrying(problem), solveGreedily(problem)}) {
        ASSERT_FALSE(failed);
        EXPECT_THAT(failed.error().text(),
                    HasSubstr("the budget of seconds is 10; the smallest architecture"));
    }
    // Each alone can be met: costs that mirror each other.
    problem.scores.assign(2, {0, 0});
    problem.budgets = {{"bytes", {{0, 1}, {0, 1}}, 0.5}, {"seconds", {{1, 0}, {1, 0}}, 0.5}};
    EXPECT_THAT(solveArchitecture(problem).error().text(),
                HasSubstr("bytes, seconds can each be met, but not together"));
    EXPECT_THAT(solveGreedily(problem).error().text(), HasSubstr("greed finds no architecture"));
}

TEST(ArchitectureSolver, LaterSolutionsDiffer) {
    auto problem = randomProblem(5, 6, 4, 1, 0.7);
    problem.difference = 0.34;
    const auto first = solveArchitecture(problem);
    ASSERT_TRUE(first);
    problem.earlier = {first->choice};
    const auto second = solveArchitecture(problem);
    ASSERT_TRUE(second) << second.error().text();
    int alike = 0;
    for (size_t i = 0; i < 6; ++i)
        alike += first->choice[i] == second->choice[i];
    EXPECT_LE(alike, 3);
    EXPECT_NEAR(second->score, solveByTrying(problem)->score, 1e-9);
    EXPECT_GE(second->score, first->score);
}

TEST(ArchitectureSolver, DiverseSolutionsDifferFromOneAnother) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
        auto problem = randomProblem(seed, 6, 4, 1 + seed % 2, 0.7);
        problem.difference = 0.5;
        const auto solutions = solveDiverse(problem, 4);
        ASSERT_TRUE(solutions) << solutions.error().text();
        EXPECT_GE(solutions->size(), 3u);
        for (size_t i = 0; i < solutions->size(); ++i) {
            const auto& one = (*solutions)[i];
            EXPECT_NEAR(one.score, solveByTrying(problem)->score, 1e-9) << seed << " " << i;
            for (const auto& other : problem.earlier) {
                int alike = 0;
                for (size_t layer = 0; layer < 6; ++layer)
                    alike += one.choice[layer] == other[layer];
                EXPECT_LE(alike, 3);
            }
            problem.earlier.push_back(one.choice);
        }
    }
}

TEST(ArchitectureSolver, StaysNearToASolution) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
        auto problem = randomProblem(seed, 6, 4, 1, 0.7);
        const auto far = drawArchitecture(problem, seed);
        ASSERT_TRUE(far);
        problem.near = far->choice;
        double last = far->score;
        for (const int64_t changes : {0, 1, 2, 6}) {
            problem.mostChanges = changes;
            const auto found = solveArchitecture(problem);
            ASSERT_TRUE(found) << found.error().text();
            EXPECT_NEAR(found->score, solveByTrying(problem)->score, 1e-9);
            EXPECT_LE(found->score, last + 1e-9);
            last = found->score;
        }
        problem.near.clear();
        EXPECT_NEAR(last, solveArchitecture(problem)->score, 1e-9);
        problem.near.assign(6, 0);  // the parent, which is too large
        problem.mostChanges = 0;
        EXPECT_THAT(solveArchitecture(problem).error().text(), HasSubstr("at most 0 layers"));
        EXPECT_THAT(architectureLp(problem), HasSubstr(" near: + x_0_0"));
    }
}

TEST(ArchitectureSolver, LeavesOutVariantsWithoutAScore) {
    auto problem = randomProblem(7, 4, 4, 1, 0.9);
    problem.scores[2][0] = std::numeric_limits<double>::quiet_NaN();
    const auto found = solveArchitecture(problem);
    ASSERT_TRUE(found);
    EXPECT_NE(found->choice[2], 0);
    EXPECT_NEAR(found->score, solveByTrying(problem)->score, 1e-9);
    problem.scores[2].assign(4, std::numeric_limits<double>::quiet_NaN());
    EXPECT_THAT(solveArchitecture(problem).error().text(), HasSubstr("no variant has a score"));
    problem.scores[2].assign(3, 0.0);
    EXPECT_THAT(solveArchitecture(problem).error().text(), HasSubstr("3 variants have scores, 4 have costs"));
}

TEST(ArchitectureSolver, IsFastWhereAllCannotBeTried) {
    auto problem = randomProblem(11, 80, 54, 2, 0.5);
    problem.seconds = 4;
    EXPECT_THAT(solveByTrying(problem).error().text(), HasSubstr("too many to try"));
    const auto found = solveArchitecture(problem);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_TRUE(problem.allows(found->choice));
    EXPECT_LE(found->score, solveGreedily(problem)->score + 1e-9);
    EXPECT_LT(found->seconds, 30);
    // What is not proven comes with how far it may be from the best.
    EXPECT_LE(found->bound, found->score);
    EXPECT_GT(found->bound, 0.98 * found->score);
}

TEST(ArchitectureSolver, WritesTheProblemForOthers) {
    const std::string lp = architectureLp(randomProblem(1, 2, 2, 1, 0.8));
    EXPECT_THAT(lp, HasSubstr("Minimize"));
    EXPECT_THAT(lp, HasSubstr(" layer_1: + x_1_0 + x_1_1 = 1"));
    EXPECT_THAT(lp, HasSubstr("budget_0:"));
}

}  // namespace
}  // namespace vitrine
