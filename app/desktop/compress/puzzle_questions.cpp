#include "app/desktop/compress/puzzle_questions.h"

#include "app/desktop/runs/report_values.h"

#include <cmath>

namespace vitrine {
namespace {

// A slider that moves wants an answer: after this the best so far is shown with how far it may be off.
constexpr double kLiveSeconds = 3;

std::vector<PuzzleVariant> variantsOf(const Json& list) {
    std::vector<PuzzleVariant> variants;
    const double whole = list.empty() ? 0 : numberOf(list[0], "parameters");
    for (const Json& each : list) {
        PuzzleVariant variant;
        variant.name = textOf(each, "name");
        variant.share = whole > 0 ? numberOf(each, "parameters") / whole : 1;
        variant.errorBefore = numberOf(each, "error_before");
        variant.errorAfter = numberOf(each, "error_after");
        variants.push_back(std::move(variant));
    }
    return variants;
}

PuzzleCost costOf(const PartCost& part, const UseProfile& use) {
    return {part.weightBytes(), part.cacheBytes, part.promptSeconds,
            part.tokenSeconds * double(use.generated)};
}

PuzzleCost costOf(const LayerCosts& layer, const BlockChoice& choice, const UseProfile& use) {
    PartCost sum = layer.attention.at(size_t(choice.attention));
    sum += layer.feedForward.at(size_t(choice.feedForward));
    return costOf(sum, use);
}

// All of the parent's blocks in order. Those that were removed before the search cost something in the parent
// alone. Nothing where weights cannot be told from cache.
PuzzleStack stackOf(const StoredLibrary& library, const ArchitectureCosts& costs,
                    const std::vector<BlockChoice>& choices, bool ofParent = false) {
    PuzzleStack stack;
    stack.use = QString::fromStdString(costs.use.text());
    if (std::isnan(costs.parent().cacheBytes))
        return stack;
    size_t removed = 0;
    const auto addRemoved = [&](size_t until) {
        for (; stack.layers.size() < until && removed < costs.removed.size(); ++removed)
            stack.layers.push_back(ofParent ? costOf(costs.removed[removed], {}, costs.use) : PuzzleCost());
    };
    for (size_t layer = 0; layer < costs.layers.size() && layer < choices.size(); ++layer) {
        addRemoved(size_t(library.blocks.at(layer)));
        stack.layers.push_back(costOf(costs.layers[layer], choices[layer], costs.use));
    }
    addRemoved(costs.layers.size() + costs.removed.size());
    stack.outside = costOf(costs.outer, costs.use);
    return stack;
}

PuzzleStack parentStack(const StoredLibrary& library, const ArchitectureCosts& costs) {
    return stackOf(library, costs, std::vector<BlockChoice>(costs.layers.size()), true);
}

// Of an architecture of the report, in the use that it was searched for. None without a choice, unless it is
// the parent, or of variants that the library lacks.
void addStacks(const StoredLibrary& library, const Json& row, PuzzleArchitecture& architecture) {
    const UseProfile& measured = library.costs.use;
    const auto costs =
        library.costsIn({row.value("batch", measured.batch), row.value("prompt", measured.prompt),
                         row.value("generated", measured.generated)});
    if (!costs)
        return;
    std::vector<BlockChoice> choices;
    if (architecture.how == "parent")
        choices.resize(costs->layers.size());
    for (const auto& [attention, feedForward] : architecture.choice)
        choices.push_back({attention, feedForward});
    if (choices.size() != costs->layers.size())
        return;
    for (size_t layer = 0; layer < choices.size(); ++layer)
        if (choices[layer].attention < 0 || choices[layer].feedForward < 0 ||
            size_t(choices[layer].attention) >= costs->layers[layer].attention.size() ||
            size_t(choices[layer].feedForward) >= costs->layers[layer].feedForward.size())
            return;
    architecture.stack = stackOf(library, *costs, choices, architecture.how == "parent");
    architecture.parent = parentStack(library, *costs);
}

std::vector<PuzzleBatch> batchesOf(const Json& list) {
    std::vector<PuzzleBatch> batches;
    for (const Json& each : list) {
        PuzzleBatch batch;
        batch.batch = each.value("batch", int64_t(1));
        batch.kept = each.value("kept", false);
        batch.problem = textOf(each, "problem");
        if (batch.problem.isEmpty()) {
            batch.score = numberOf(each, "score");
            batch.bytes = numberOf(each, "bytes");
            batch.tokensPerSecond = numberOf(each, "tokens_per_second");
        }
        batches.push_back(std::move(batch));
    }
    return batches;
}

}  // namespace

Result<PuzzleResults> puzzleOf(const Json& report) {
    if (!report.is_object() || !report.contains("library") || !report.contains("architectures"))
        return fail(ErrorCode::InvalidFile, "there is no \"library\" in it", "puzzle.json",
                    "Run the recipe again with this version");
    PuzzleResults results;
    // Of a chain, the parent's blocks that are left.
    const Json chain = report.value("chain", Json()),
               kept = chain.is_object() ? chain.value("kept", Json()) : Json();
    for (const Json& layer : report["library"]) {
        const size_t index = results.layers.size();
        const bool known = kept.is_array() && index < kept.size() && kept[index].is_number_integer();
        results.layers.push_back({variantsOf(layer.value("attention", Json::array())),
                                  variantsOf(layer.value("feed_forward", Json::array())),
                                  numberTableOf(layer.value("scores", Json::array())),
                                  known ? kept[index].get<int>() : int(index)});
    }
    const Json batches = report.value("batches", Json::object());
    for (const Json& row : report["architectures"]) {
        PuzzleArchitecture each;
        each.batches = batchesOf(batches.value(row.value("budget", std::string()), Json::array()));
        each.name = textOf(row, "name");
        each.how = textOf(row, "how");
        each.parameters = numberOf(row, "parameters");
        each.bytes = numberOf(row, "bytes");
        each.assembled = numberOf(row, "nats_assembled");
        each.nats = numberOf(row, "nats_per_token");
        each.copyingGain = numberOf(row, "copying_gain");
        const Json choices = row.value("choice", Json::array());
        for (const Json& choice : choices)
            if (choice.is_array() && choice.size() == 2)
                each.choice.emplace_back(choice[0].get<int>(), choice[1].get<int>());
        results.architectures.push_back(std::move(each));
    }
    const Json additivity = report.value("additivity", Json::object());
    if (additivity.is_object()) {
        results.spearman = numberOf(additivity, "spearman");
        results.sums = numbersOf(additivity.value("sums_of_scores", Json::array()));
        results.losses = numbersOf(additivity.value("nats_per_token", Json::array()));
    }
    return results;
}

Result<void> readPuzzle(const Json& report, StructureRun& out) {
    VITRINE_TRY(out.puzzle, puzzleOf(report));
    auto stored = StoredLibrary::read(report, "puzzle.json");
    if (!stored) {
        out.puzzle.searchProblem = QString::fromStdString(stored.error().text());
        return {};
    }
    const PartCost whole = stored->costs.parent();
    out.puzzle.whole = {whole.parameters, whole.bytes, whole.promptSeconds,
                        stored->costs.tokensPerSecond(whole)};
    size_t index = 0;
    for (const Json& row : report["architectures"])
        addStacks(*stored, row, out.puzzle.architectures.at(index++));
    out.stored = std::make_shared<const StoredLibrary>(std::move(*stored));
    return {};
}

PuzzleSolution solvePuzzle(const StoredLibrary& library, const PuzzleBudgets& budgets) {
    PuzzleSolution solution;
    if (!budgets.any())
        return solution;
    StoredSearch wanted;
    wanted.budget.parameters = budgets.parameters;
    wanted.budget.bytes = budgets.bytes;
    wanted.budget.promptTime = budgets.promptTime;
    wanted.budget.speed = budgets.speed;
    wanted.budget.batches.assign(budgets.batches.begin(), budgets.batches.end());
    wanted.seconds = kLiveSeconds;
    const auto found = library.search(wanted);
    if (!found) {
        solution.problem = QString::fromStdString(found.error().text());
        return solution;
    }
    const StoredSolution& best = found->architectures.front();
    for (const BlockChoice& choice : best.choice)
        solution.choice.emplace_back(int(choice.attention), int(choice.feedForward));
    solution.parameters = best.cost.parameters;
    solution.bytes = best.cost.bytes;
    solution.promptSeconds = best.cost.promptSeconds;
    solution.tokensPerSecond = found->costs.tokensPerSecond(best.cost);
    solution.score = best.score;
    solution.bound = best.bound;
    solution.proven = best.proven;
    solution.seconds = best.seconds;
    solution.stack = stackOf(library, found->costs, best.choice);
    solution.parent = parentStack(library, found->costs);
    if (found->batches.outcomes.size() > 1)
        solution.batches = batchesOf(found->batches.json());
    return solution;
}

}  // namespace vitrine
