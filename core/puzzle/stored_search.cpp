#include "core/puzzle/stored_search.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace vitrine {
namespace {

Failure damaged(const std::string& message, const std::string& where) {
    return fail(ErrorCode::InvalidFile, message, where, "Give the puzzle.json of a finished run of puzzle");
}

Result<std::vector<std::string>> namesOf(const Json& layer, const char* key, size_t count,
                                         const std::string& where) {
    const Json list = layer.is_object() ? layer.value(key, Json()) : Json();
    if (!list.is_array() || list.size() != count)
        return damaged(fmt::format("{} variants have costs, {} are listed in \"{}\"", count,
                                   list.is_array() ? list.size() : 0, key),
                       where);
    std::vector<std::string> names;
    for (const Json& each : list) {
        const bool named = each.is_object() && each.contains("name") && each["name"].is_string();
        names.push_back(named ? each["name"].get<std::string>() : "?");
    }
    return names;
}

// The matrix (attention, feed-forward) as one row; null where a pair has no score.
Result<std::vector<double>> scoresOf(const Json& layer, size_t rows, size_t columns,
                                     const std::string& where) {
    const Json table = layer.is_object() ? layer.value("scores", Json()) : Json();
    std::vector<double> scores;
    bool whole = table.is_array() && table.size() == rows;
    for (size_t i = 0; whole && i < rows; ++i) {
        whole = table[i].is_array() && table[i].size() == columns;
        for (size_t j = 0; whole && j < columns; ++j)
            scores.push_back(table[i][j].is_number() ? table[i][j].get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN());
    }
    if (!whole)
        return damaged(fmt::format("scores of {} x {} pairs are needed", rows, columns), where);
    return scores;
}

// Of a chain those that it kept; otherwise all, in order.
Result<std::vector<int64_t>> blocksOf(const Json& report, size_t count, const std::string& where) {
    std::vector<int64_t> blocks(count);
    std::iota(blocks.begin(), blocks.end(), 0);
    const Json chain = report.value("chain", Json());
    if (!chain.is_object())
        return blocks;
    const Json kept = chain.value("kept", Json());
    if (!kept.is_array() || kept.size() != count)
        return damaged(fmt::format("{} layers have variants, \"kept\" lists {} blocks", count,
                                   kept.is_array() ? kept.size() : 0),
                       where + "/chain");
    for (size_t i = 0; i < count; ++i) {
        blocks[i] = kept[i].is_number_integer() ? kept[i].get<int64_t>() : -1;
        if (blocks[i] < 0 || (i > 0 && blocks[i] <= blocks[i - 1]))
            return damaged("\"kept\" is no list of blocks in order", where + "/chain");
    }
    return blocks;
}

bool sameVariants(const ArchitectureCosts& a, const ArchitectureCosts& b) {
    return std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(),
                      [](const LayerCosts& x, const LayerCosts& y) {
                          return x.attention.size() == y.attention.size() &&
                                 x.feedForward.size() == y.feedForward.size();
                      });
}

}  // namespace

Result<StoredLibrary> StoredLibrary::read(const Json& report, const std::string& where) {
    if (!report.is_object() || !report.contains("library") || !report["library"].is_array() ||
        !report.contains("costs"))
        return damaged("there is no \"library\" with \"costs\" in it", where);
    StoredLibrary stored;
    VITRINE_TRY(stored.costs, ArchitectureCosts::read(report["costs"], where + "/costs"));
    const Json& library = report["library"];
    if (library.size() != stored.costs.layers.size())
        return damaged(
            fmt::format("{} layers have variants, {} have costs", library.size(), stored.costs.layers.size()),
            where);
    for (size_t i = 0; i < library.size(); ++i) {
        const std::string place = fmt::format("{}/library/{}", where, i);
        const LayerCosts& costs = stored.costs.layers[i];
        Layer layer;
        VITRINE_TRY(layer.attention, namesOf(library[i], "attention", costs.attention.size(), place));
        VITRINE_TRY(layer.feedForward, namesOf(library[i], "feed_forward", costs.feedForward.size(), place));
        stored.layers.push_back(std::move(layer));
        VITRINE_TRY(auto scores,
                    scoresOf(library[i], costs.attention.size(), costs.feedForward.size(), place));
        stored.scores.push_back(std::move(scores));
    }
    VITRINE_TRY(stored.blocks, blocksOf(report, library.size(), where));
    const Json others = report.value("other_costs", Json::array());
    if (!others.is_array())
        return damaged("\"other_costs\" is no list", where);
    for (size_t i = 0; i < others.size(); ++i) {
        const std::string place = fmt::format("{}/other_costs/{}", where, i);
        VITRINE_TRY(ArchitectureCosts other, ArchitectureCosts::read(others[i], place));
        if (!sameVariants(other, stored.costs))
            return damaged("the layers have other numbers of variants than in \"costs\"", place);
        stored.otherUses.push_back(std::move(other));
    }
    return stored;
}

Result<ArchitectureCosts> StoredLibrary::costsIn(const UseProfile& use) const {
    for (const ArchitectureCosts& other : otherUses)
        if (other.use == use)
            return other;
    return costs.inUse(use);
}

Result<StoredAnswer> StoredLibrary::search(const StoredSearch& wanted) const {
    if (wanted.budget.limitsNothing())
        return fail(ErrorCode::InvalidArgument, "a budget limits nothing", "budget", kBudgetHint);
    VITRINE_TRY(const ArchitectureLimits limits, wanted.budget.limits(costs));
    std::vector<ArchitectureCosts> candidates;
    for (const UseProfile& use : wanted.budget.uses(costs.use)) {
        VITRINE_TRY(ArchitectureCosts candidate, costsIn(use));
        candidates.push_back(std::move(candidate));
    }
    StoredAnswer answer;
    VITRINE_TRY(answer.batches, searchBatches(scores, candidates, limits, wanted.seconds));
    answer.costs = std::move(candidates[answer.batches.best]);
    std::vector<ArchitectureSolution> found{answer.batches.outcomes[answer.batches.best].solution};
    if (wanted.alternatives > 0) {
        ArchitectureProblem problem = architectureProblem(scores, answer.costs, limits);
        problem.difference = wanted.difference;
        problem.seconds = wanted.seconds;
        problem.earlier = {found[0].choice};
        if (auto more = solveDiverse(std::move(problem), wanted.alternatives - 1))
            found.insert(found.end(), more->begin(), more->end());
    }
    for (const ArchitectureSolution& each : found) {
        StoredSolution solution;
        solution.choice = answer.costs.choices(each.choice);
        solution.cost = answer.costs.of(solution.choice);
        solution.score = each.score;
        solution.bound = each.bound;
        solution.proven = each.proven;
        solution.seconds = each.seconds;
        answer.architectures.push_back(std::move(solution));
    }
    return answer;
}

std::string StoredLibrary::text(const StoredSolution& solution) const {
    std::string text;
    for (size_t i = 0; i < solution.choice.size(); ++i)
        text += fmt::format("{}{}: {} | {}", i > 0 ? "\n" : "", blocks[i],
                            layers[i].attention.at(size_t(solution.choice[i].attention)),
                            layers[i].feedForward.at(size_t(solution.choice[i].feedForward)));
    return text;
}

}  // namespace vitrine
