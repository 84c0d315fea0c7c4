#include "app/desktop/compress/puzzle_questions.h"

#include "app/desktop/runs/report_values.h"

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

double tokensPerSecond(const ArchitectureCosts& costs, const PartCost& cost) {
    return cost.tokenSeconds > 0 ? double(costs.batch) / cost.tokenSeconds : 0;
}

}  // namespace

Result<PuzzleResults> puzzleOf(const Json& report) {
    if (!report.is_object() || !report.contains("library") || !report.contains("architectures"))
        return fail(ErrorCode::InvalidFile, "there is no \"library\" in it", "puzzle.json",
                    "Run the recipe again with this version");
    PuzzleResults results;
    for (const Json& layer : report["library"])
        results.layers.push_back({variantsOf(layer.value("attention", Json::array())),
                                  variantsOf(layer.value("feed_forward", Json::array())),
                                  numberTableOf(layer.value("scores", Json::array()))});
    for (const Json& row : report["architectures"]) {
        PuzzleArchitecture each;
        each.name = textOf(row, "name");
        each.how = textOf(row, "how");
        each.parameters = numberOf(row, "parameters");
        each.bytes = numberOf(row, "bytes");
        each.assembled = numberOf(row, "nats_assembled");
        each.nats = numberOf(row, "nats_per_token");
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
                        tokensPerSecond(stored->costs, whole)};
    out.stored = std::make_shared<const StoredLibrary>(std::move(*stored));
    return {};
}

PuzzleSolution solvePuzzle(const StoredLibrary& library, const PuzzleBudgets& budgets) {
    PuzzleSolution solution;
    if (!budgets.any())
        return solution;
    StoredSearch wanted;
    wanted.budget = {budgets.parameters, budgets.bytes, budgets.promptTime, budgets.speed};
    wanted.seconds = kLiveSeconds;
    const auto found = library.search(wanted);
    if (!found) {
        solution.problem = QString::fromStdString(found.error().text());
        return solution;
    }
    const StoredSolution& best = found->front();
    for (const BlockChoice& choice : best.choice)
        solution.choice.emplace_back(int(choice.attention), int(choice.feedForward));
    solution.parameters = best.cost.parameters;
    solution.bytes = best.cost.bytes;
    solution.promptSeconds = best.cost.promptSeconds;
    solution.tokensPerSecond = tokensPerSecond(library.costs, best.cost);
    solution.score = best.score;
    solution.bound = best.bound;
    solution.proven = best.proven;
    solution.seconds = best.seconds;
    return solution;
}

}  // namespace vitrine
