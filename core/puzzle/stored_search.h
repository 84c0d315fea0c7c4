// Another search in what a run of the job "puzzle" kept (puzzle.json): scores and costs are there, the solver
// answers in a moment; no weights, no LibTorch.
//
//   VITRINE_TRY(const StoredLibrary library, StoredLibrary::read(json, "puzzle.json"));
//   VITRINE_TRY(const auto found, library.search({.budget = {.bytes = 0.6}}));
#pragma once

#include "core/puzzle/batch_search.h"
#include "core/puzzle/search_budget.h"

namespace vitrine {

struct StoredSearch {
    SearchBudget budget;
    int64_t alternatives = 0;  // further architectures that differ from all before
    double difference = 0.2;   // in this share of the layers
    double seconds = 60;       // of the solver for each, at most
};

struct StoredSolution {
    std::vector<BlockChoice> choice;
    PartCost cost;       // of the whole model, in the use of the answer
    double score = 0;    // sum
    double bound = 0;    // no architecture has less
    bool proven = true;  // that it is the best one
    double seconds = 0;  // that the solver took
};

struct StoredAnswer {
    std::vector<StoredSolution> architectures;  // the best first
    BatchSearch batches;                        // of all candidates; that of the architectures is its best
    ArchitectureCosts costs;                    // in that use
};

struct StoredLibrary {
    struct Layer {
        std::vector<std::string> attention, feedForward;  // names of the variants, the parent's first
    };
    std::vector<Layer> layers;
    std::vector<int64_t> blocks;  // of the parent, behind each layer: not all where a chain began with depth
    std::vector<std::vector<double>> scores;   // of all pairs of each layer; NaN: not scored
    ArchitectureCosts costs;                   // in the use that shares of the parent are of
    std::vector<ArchitectureCosts> otherUses;  // that budgets of the run named

    // Of the members "library", "costs", "other_costs" and "chain". InvalidFile names the member.
    static Result<StoredLibrary> read(const Json& report, const std::string& where);
    // As the run reckoned and timed them or, in a use that it did not know, without times.
    Result<ArchitectureCosts> costsIn(const UseProfile& use) const;
    // Errors: those of the solver (which budget cannot be met), limits of time where nothing was timed, a
    // budget that limits nothing.
    Result<StoredAnswer> search(const StoredSearch& wanted) const;
    // "0: parent | 50 % neurons".
    std::string text(const StoredSolution& solution) const;
};

}  // namespace vitrine
