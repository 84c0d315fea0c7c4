// What the solver is compared with: all choices, greed, chance. And the problem as a file.
#include "core/puzzle/architecture_parts.h"

#include <limits>
#include <optional>

namespace vitrine {

using architecture::infeasible;
using architecture::mostAlike;
using architecture::solutionOf;
using architecture::within;

namespace {

// The budget that is broken worst, and by what part of its limit; nothing if all are kept to.
std::optional<size_t> worstBudget(const ArchitectureProblem& problem, const std::vector<int64_t>& choice) {
    std::optional<size_t> worst;
    double most = 0;
    for (size_t b = 0; b < problem.budgets.size(); ++b) {
        const double cost = problem.costOf(b, choice), limit = problem.budgets[b].limit;
        if (within(cost, limit))
            continue;
        const double excess = (cost - limit) / std::max(std::abs(limit), 1e-30);
        if (!worst || excess > most) {
            worst = b;
            most = excess;
        }
    }
    return worst;
}

// A deterministic draw below `n`.
uint64_t draw(uint64_t& state, uint64_t n) {
    state += 0x9E3779B97F4A7C15ull;  // splitmix64
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (z ^ (z >> 31)) % n;
}

// Takes random variants that cost more while all budgets are kept to: what is compared costs alike.
void fill(const ArchitectureProblem& problem, std::vector<int64_t>& choice, uint64_t& state) {
    if (problem.budgets.empty())
        return;
    const auto& costs = problem.budgets.front().costs;
    for (size_t tries = 0; tries < 50 * choice.size(); ++tries) {
        const size_t layer = draw(state, choice.size());
        const auto other = int64_t(draw(state, problem.scores[layer].size()));
        const int64_t before = choice[layer];
        if (costs[layer][size_t(other)] <= costs[layer][size_t(before)])
            continue;
        choice[layer] = other;
        if (!problem.allows(choice))
            choice[layer] = before;
    }
}

}  // namespace

Result<ArchitectureSolution> solveByTrying(const ArchitectureProblem& problem) {
    VITRINE_TRY_VOID(problem.validate());
    double count = 1;
    for (const auto& layer : problem.scores)
        count *= double(layer.size());
    if (count > 5e6)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{:.3g} architectures are too many to try", count), "solver",
                    "Use the mixed-integer solver");
    std::vector<int64_t> choice(problem.scores.size(), 0), best;
    double least = std::numeric_limits<double>::infinity();
    for (bool more = true; more;) {
        if (problem.allows(choice) && problem.scoreOf(choice) < least) {
            least = problem.scoreOf(choice);
            best = choice;
        }
        more = false;
        for (size_t i = 0; i < choice.size() && !more; ++i) {
            more = ++choice[i] < int64_t(problem.scores[i].size());
            if (!more)
                choice[i] = 0;
        }
    }
    if (best.empty())
        return infeasible(problem);
    return solutionOf(problem, best, least, true);
}

Result<ArchitectureSolution> solveGreedily(const ArchitectureProblem& problem) {
    VITRINE_TRY_VOID(problem.validate());
    std::vector<int64_t> choice;
    for (const auto& layer : problem.scores) {
        size_t best = 0;
        for (size_t j = 1; j < layer.size(); ++j)
            if (std::isnan(layer[best]) || layer[j] < layer[best])
                best = j;
        choice.push_back(int64_t(best));
    }
    // Budgets that pull apart would send it to and fro.
    int64_t changes = 0, most = 0;
    for (const auto& layer : problem.scores)
        most += int64_t(layer.size());
    while (const auto broken = worstBudget(problem, choice)) {
        if (++changes > most)
            return fail(ErrorCode::InvalidArgument, "greed finds no architecture that keeps to all budgets",
                        "budget", "Use the mixed-integer solver, or raise a budget");
        const auto& costs = problem.budgets[*broken].costs;
        double least = std::numeric_limits<double>::infinity();
        std::pair<size_t, size_t> change{0, 0};
        for (size_t i = 0; i < choice.size(); ++i)
            for (size_t j = 0; j < problem.scores[i].size(); ++j) {
                const auto now = size_t(choice[i]);
                const double saved = costs[i][now] - costs[i][j];
                if (!(saved > 0) || std::isnan(problem.scores[i][j]))
                    continue;
                const double price = (problem.scores[i][j] - problem.scores[i][now]) / saved;
                if (price < least) {
                    least = price;
                    change = {i, j};
                }
            }
        if (std::isinf(least))
            return infeasible(problem);
        choice[change.first] = int64_t(change.second);
    }
    return solutionOf(problem, choice, -std::numeric_limits<double>::infinity(), false);
}

Result<ArchitectureSolution> drawArchitecture(const ArchitectureProblem& problem, uint64_t seed) {
    VITRINE_TRY_VOID(problem.validate());
    uint64_t state = seed;
    const auto any = [&](size_t layer) {
        for (;;)
            if (const size_t j = draw(state, problem.scores[layer].size());
                !std::isnan(problem.scores[layer][j]))
                return int64_t(j);
    };
    std::vector<int64_t> choice;
    for (size_t i = 0; i < problem.scores.size(); ++i)
        choice.push_back(any(i));
    for (int64_t tries = 0; tries < 100000; ++tries) {
        const auto broken = worstBudget(problem, choice);
        if (!broken) {
            fill(problem, choice, state);
            return solutionOf(problem, choice, -std::numeric_limits<double>::infinity(), false);
        }
        const size_t layer = draw(state, choice.size());
        const int64_t other = any(layer);
        const auto& costs = problem.budgets[*broken].costs[layer];
        if (costs[size_t(other)] < costs[size_t(choice[layer])])
            choice[layer] = other;
    }
    return infeasible(problem);
}

std::string architectureLp(const ArchitectureProblem& problem) {
    std::string objective = "Minimize\n score:", rows = "Subject To\n", names = "Binaries\n";
    const auto column = [](size_t i, size_t j) { return fmt::format("x_{}_{}", i, j); };
    std::vector<std::string> budgets(problem.budgets.size());
    for (size_t i = 0; i < problem.scores.size(); ++i) {
        rows += fmt::format(" layer_{}:", i);
        for (size_t j = 0; j < problem.scores[i].size(); ++j) {
            if (std::isnan(problem.scores[i][j]))
                continue;
            objective += fmt::format(" + {:.12g} {}", problem.scores[i][j], column(i, j));
            rows += " + " + column(i, j);
            names += " " + column(i, j) + "\n";
            for (size_t b = 0; b < budgets.size(); ++b)
                budgets[b] += fmt::format(" + {:.12g} {}", problem.budgets[b].costs[i][j], column(i, j));
        }
        rows += " = 1\n";
    }
    for (size_t b = 0; b < budgets.size(); ++b)
        rows += fmt::format(" budget_{}:{} <= {:.12g}\n", b, budgets[b], problem.budgets[b].limit);
    for (size_t e = 0; e < problem.earlier.size(); ++e) {
        rows += fmt::format(" earlier_{}:", e);
        for (size_t i = 0; i < problem.earlier[e].size(); ++i)
            rows += " + " + column(i, size_t(problem.earlier[e][i]));
        rows += fmt::format(" <= {}\n", mostAlike(problem));
    }
    if (!problem.near.empty()) {
        rows += " near:";
        for (size_t i = 0; i < problem.near.size(); ++i)
            rows += " + " + column(i, size_t(problem.near[i]));
        rows += fmt::format(" >= {}\n", int64_t(problem.near.size()) - problem.mostChanges);
    }
    return objective + "\n" + rows + names + "End\n";
}

}  // namespace vitrine
