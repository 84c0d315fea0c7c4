// What the solvers of architectures share.
#pragma once

#include "core/puzzle/architecture_solver.h"

#include <algorithm>
#include <cmath>

namespace vitrine::architecture {

constexpr double kSlack = 1e-9;  // relative: of sums of costs

inline bool within(double cost, double limit) {
    return cost <= limit + kSlack * std::max(1.0, std::abs(limit));
}

// Layers that a new solution may have in common with an earlier one.
inline int64_t mostAlike(const ArchitectureProblem& problem) {
    return int64_t(std::floor((1 - problem.difference) * double(problem.scores.size()) + 1e-9));
}

// Why nothing fits.
Failure infeasible(const ArchitectureProblem& problem);
ArchitectureSolution solutionOf(const ArchitectureProblem& problem, std::vector<int64_t> choice, double bound,
                                bool proven);

}  // namespace vitrine::architecture
