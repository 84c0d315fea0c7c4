#include "core/puzzle/architecture_parts.h"

#include <chrono>
#include <limits>

#ifdef VITRINE_WITH_CBC
#include <coin/Cbc_C_Interface.h>
#endif

namespace vitrine {

using architecture::infeasible;
using architecture::kSlack;
using architecture::mostAlike;
using architecture::solutionOf;
using architecture::within;

namespace {

int64_t alike(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
    int64_t count = 0;
    for (size_t i = 0; i < a.size(); ++i)
        count += a[i] == b[i];
    return count;
}

// The least that a budget's costs can sum to, over variants that may be taken.
double leastCost(const ArchitectureProblem& problem, const ArchitectureBudget& budget) {
    double sum = 0;
    for (size_t i = 0; i < problem.scores.size(); ++i) {
        double least = std::numeric_limits<double>::infinity();
        for (size_t j = 0; j < problem.scores[i].size(); ++j)
            if (!std::isnan(problem.scores[i][j]))
                least = std::min(least, budget.costs[i][j]);
        sum += least;
    }
    return sum;
}

#ifdef VITRINE_WITH_CBC
struct Solved {
    bool feasible = false, proven = false, impossible = false;
    std::vector<int64_t> choice;
    double bound = 0;
};

// The program as Cbc takes it: columns are the pairs (layer, variant) that may be taken.
struct Columns {
    std::vector<std::pair<size_t, size_t>> pairs;
    std::vector<CoinBigIndex> starts{0};
    std::vector<int> rows;
    std::vector<double> values, objective;
    std::vector<double> rowLower, rowUpper;
};

Columns columnsOf(const ArchitectureProblem& problem) {
    Columns c;
    const auto layers = int(problem.scores.size());
    const double minus = -std::numeric_limits<double>::max();
    c.rowLower.assign(size_t(layers), 1.0);
    c.rowUpper.assign(size_t(layers), 1.0);
    std::vector<double> scale;  // costs of 1e9 bytes and of 1e-3 seconds alike
    for (const ArchitectureBudget& budget : problem.budgets) {
        scale.push_back(1 / std::max(std::abs(budget.limit), 1e-30));
        c.rowLower.push_back(minus);
        c.rowUpper.push_back((budget.limit + kSlack * std::max(1.0, std::abs(budget.limit))) * scale.back());
    }
    for (size_t e = 0; e < problem.earlier.size(); ++e) {
        c.rowLower.push_back(minus);
        c.rowUpper.push_back(double(mostAlike(problem)));
    }
    if (!problem.near.empty()) {
        c.rowLower.push_back(double(layers - problem.mostChanges));
        c.rowUpper.push_back(double(layers));
    }
    for (size_t i = 0; i < problem.scores.size(); ++i)
        for (size_t j = 0; j < problem.scores[i].size(); ++j) {
            if (std::isnan(problem.scores[i][j]))
                continue;
            const auto put = [&](int row, double value) {
                if (value == 0)
                    return;
                c.rows.push_back(row);
                c.values.push_back(value);
            };
            c.pairs.emplace_back(i, j);
            c.objective.push_back(problem.scores[i][j]);
            put(int(i), 1.0);
            for (size_t b = 0; b < problem.budgets.size(); ++b)
                put(layers + int(b), problem.budgets[b].costs[i][j] * scale[b]);
            for (size_t e = 0; e < problem.earlier.size(); ++e)
                if (problem.earlier[e][i] == int64_t(j))
                    put(layers + int(problem.budgets.size() + e), 1.0);
            if (!problem.near.empty() && problem.near[i] == int64_t(j))
                put(layers + int(problem.budgets.size() + problem.earlier.size()), 1.0);
            c.starts.push_back(CoinBigIndex(c.rows.size()));
        }
    return c;
}

Solved callCbc(const ArchitectureProblem& problem) {
    const Columns c = columnsOf(problem);
    const auto count = int(c.pairs.size());
    const std::vector<double> lower(c.pairs.size(), 0.0), upper(c.pairs.size(), 1.0);
    Cbc_Model* model = Cbc_newModel();
    Cbc_loadProblem(model, count, int(c.rowLower.size()), c.starts.data(), c.rows.data(), c.values.data(),
                    lower.data(), upper.data(), c.objective.data(), c.rowLower.data(), c.rowUpper.data());
    for (int column = 0; column < count; ++column)
        Cbc_setInteger(model, column);
    Cbc_setObjSense(model, 1);
    Cbc_setParameter(model, "logLevel", "0");
    Cbc_setParameter(model, "ratioGap", "0");
    Cbc_setParameter(model, "allowableGap", "0");
    Cbc_setParameter(model, "seconds", std::to_string(problem.seconds).c_str());
    Cbc_solve(model);
    Solved solved;
    const double* solution = Cbc_getColSolution(model);
    solved.proven = Cbc_isProvenOptimal(model);
    solved.impossible = Cbc_isProvenInfeasible(model);
    // Either proven, or the time ran out with a solution in hand.
    if (solution && !solved.impossible) {
        solved.choice.assign(problem.scores.size(), -1);
        for (size_t column = 0; column < c.pairs.size(); ++column)
            if (solution[column] > 0.5)
                solved.choice[c.pairs[column].first] = int64_t(c.pairs[column].second);
        solved.feasible = std::none_of(solved.choice.begin(), solved.choice.end(),
                                       [](int64_t variant) { return variant < 0; }) &&
                          problem.allows(solved.choice);
        solved.bound = Cbc_getBestPossibleObjValue(model);
    }
    Cbc_deleteModel(model);
    return solved;
}
#endif

}  // namespace

Failure architecture::infeasible(const ArchitectureProblem& problem) {
    for (const ArchitectureBudget& budget : problem.budgets)
        if (const double least = leastCost(problem, budget); !within(least, budget.limit))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the budget of {} is {:.6g}; the smallest architecture takes {:.6g}",
                                    budget.name, budget.limit + budget.outside, least + budget.outside),
                        "budget/" + budget.name, "Raise that budget, or add smaller variants to the library");
    std::string names;
    for (const ArchitectureBudget& budget : problem.budgets)
        names += (names.empty() ? "" : ", ") + budget.name;
    if (!problem.near.empty())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("no architecture within the budgets of {} differs in at most {} layers from "
                                "the given one",
                                names, problem.mostChanges),
                    "budget");
    return fail(
        ErrorCode::InvalidArgument,
        problem.earlier.empty()
            ? fmt::format("the budgets of {} can each be met, but not together", names)
            : fmt::format("no architecture within the budgets of {} differs enough from the {} earlier "
                          "ones",
                          names, problem.earlier.size()),
        "budget", "Raise one of them");
}

ArchitectureSolution architecture::solutionOf(const ArchitectureProblem& problem, std::vector<int64_t> choice,
                                              double bound, bool proven) {
    ArchitectureSolution solution;
    solution.score = problem.scoreOf(choice);
    solution.choice = std::move(choice);
    solution.bound = std::min(bound, solution.score);
    solution.proven = proven;
    return solution;
}

double ArchitectureProblem::scoreOf(const std::vector<int64_t>& choice) const {
    double sum = 0;
    for (size_t i = 0; i < choice.size(); ++i)
        sum += scores[i][size_t(choice[i])];
    return sum;
}

double ArchitectureProblem::costOf(size_t budget, const std::vector<int64_t>& choice) const {
    double sum = 0;
    for (size_t i = 0; i < choice.size(); ++i)
        sum += budgets[budget].costs[i][size_t(choice[i])];
    return sum;
}

bool ArchitectureProblem::allows(const std::vector<int64_t>& choice) const {
    for (size_t b = 0; b < budgets.size(); ++b)
        if (!within(costOf(b, choice), budgets[b].limit))
            return false;
    for (const auto& other : earlier)
        if (alike(other, choice) > mostAlike(*this))
            return false;
    if (!near.empty() && alike(near, choice) < int64_t(scores.size()) - mostChanges)
        return false;
    return !std::isnan(scoreOf(choice));
}

Result<void> ArchitectureProblem::validate() const {
    const auto wrong = [](const std::string& message, const std::string& where) {
        return fail(ErrorCode::InvalidArgument, message, where);
    };
    if (scores.empty())
        return wrong("there are no layers to choose for", "scores");
    for (size_t i = 0; i < scores.size(); ++i)
        if (std::all_of(scores[i].begin(), scores[i].end(), [](double score) { return std::isnan(score); }))
            return wrong("no variant has a score", fmt::format("layer {}", i));
    for (const ArchitectureBudget& budget : budgets) {
        if (std::isnan(budget.limit) || budget.costs.size() != scores.size())
            return wrong(fmt::format("a limit and the costs of {} layers are needed, found {} and {}",
                                     scores.size(), budget.limit, budget.costs.size()),
                         "budget/" + budget.name);
        for (size_t i = 0; i < scores.size(); ++i)
            if (budget.costs[i].size() != scores[i].size())
                return wrong(fmt::format("{} variants have scores, {} have costs", scores[i].size(),
                                         budget.costs[i].size()),
                             fmt::format("budget/{}, layer {}", budget.name, i));
    }
    for (const auto& other : earlier)
        if (other.size() != scores.size())
            return wrong("an earlier solution is of another number of layers", "earlier");
    if (!near.empty() && near.size() != scores.size())
        return wrong("the solution to stay near to is of another number of layers", "near");
    return {};
}

Result<ArchitectureSolution> solveArchitecture(const ArchitectureProblem& problem) {
    VITRINE_TRY_VOID(problem.validate());
#ifdef VITRINE_WITH_CBC
    const auto begin = std::chrono::steady_clock::now();
    const Solved solved = callCbc(problem);
    if (!solved.feasible) {
        if (!solved.impossible && problem.earlier.empty() && problem.near.empty()) {
            // Out of time: what greed finds is an answer all the same.
            if (auto greedy = solveGreedily(problem)) {
                greedy->proven = false;
                return greedy;
            }
        }
        return infeasible(problem);
    }
    auto solution = solutionOf(problem, solved.choice, solved.bound, solved.proven);
    solution.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return solution;
#else
    return fail(ErrorCode::Unsupported, "this program was built without the solver COIN-OR Cbc", "solver",
                "Install coinor-libcbc-dev and build again");
#endif
}

Result<std::vector<ArchitectureSolution>> solveDiverse(ArchitectureProblem problem, int64_t more) {
    std::vector<ArchitectureSolution> solutions;
    for (int64_t i = 0; i <= more; ++i) {
        auto solved = solveArchitecture(problem);
        if (!solved && i > 0)
            break;
        if (!solved)
            return fail(std::move(solved).error());
        problem.earlier.push_back(solved->choice);
        solutions.push_back(std::move(*solved));
    }
    return solutions;
}

}  // namespace vitrine
