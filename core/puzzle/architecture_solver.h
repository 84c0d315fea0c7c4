// Which variant of each layer to take: the least sum of scores within budgets, as a mixed-integer program
// (Bercovich et al. 2024, section 4.3), solved by COIN-OR Cbc. Binary x_ij, one variant j for each layer i,
// Σ c_ij x_ij ≤ limit for each budget. No LibTorch here: a window solves again in milliseconds.
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine {

struct ArchitectureBudget {
    std::string name;                        // "bytes", "seconds of a prompt", named where it cannot be met
    std::vector<std::vector<double>> costs;  // of each layer's variants
    double limit = 0;                        // for all layers together
    double outside = 0;                      // what lies outside of the layers; for messages
};

struct ArchitectureProblem {
    std::vector<std::vector<double>>
        scores;  // of each layer's variants, smaller is better; NaN: not to be taken
    std::vector<ArchitectureBudget> budgets;
    // Earlier solutions: a new one takes at most (1 - difference) of the layers alike with each of them.
    std::vector<std::vector<int64_t>> earlier;
    double difference = 0.1;
    // Where one is given: at most `mostChanges` layers take another variant than it.
    std::vector<int64_t> near;
    int64_t mostChanges = 0;
    double seconds = 60;  // at most

    Result<void> validate() const;
    double scoreOf(const std::vector<int64_t>& choice) const;
    double costOf(size_t budget, const std::vector<int64_t>& choice) const;
    // Whether all budgets, earlier and near solutions are kept to.
    bool allows(const std::vector<int64_t>& choice) const;
};

struct ArchitectureSolution {
    std::vector<int64_t> choice;  // variant of each layer
    double score = 0;
    double bound = 0;    // no solution has less
    bool proven = true;  // that it is the best one; false where the time ran out
    double seconds = 0;
};

// InvalidArgument where no choice keeps to the budgets: names the one that cannot be met, with the least it
// could be, or those that exclude each other. Unsupported in a program built without Cbc.
Result<ArchitectureSolution> solveArchitecture(const ArchitectureProblem& problem);
// The best, then `more` that differ by `problem.difference` of the layers from it and from one another
// (Puzzle, section 4.3); fewer where there are no more. Those that are given as earlier count as well.
Result<std::vector<ArchitectureSolution>> solveDiverse(ArchitectureProblem problem, int64_t more);
// All choices, for problems of at most a few million: what tests compare with.
Result<ArchitectureSolution> solveByTrying(const ArchitectureProblem& problem);
// Baseline: from the best variants on, again and again the change that costs least score for each unit of the
// worst broken budget.
Result<ArchitectureSolution> solveGreedily(const ArchitectureProblem& problem);
// Baseline: drawn evenly, then repaired by random cheaper variants until all budgets are kept to, and
// by costlier ones as long as they are.
Result<ArchitectureSolution> drawArchitecture(const ArchitectureProblem& problem, uint64_t seed);

// The problem in CPLEX's LP format, for other solvers.
std::string architectureLp(const ArchitectureProblem& problem);

}  // namespace vitrine
