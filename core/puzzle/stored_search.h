// Another search in what a run of the job "puzzle" kept (puzzle.json): scores and costs are there, the solver
// answers in a moment; no weights, no LibTorch.
//
//   VITRINE_TRY(const StoredLibrary library, StoredLibrary::read(json, "puzzle.json"));
//   VITRINE_TRY(const auto found, library.search({.budget = {.bytes = 0.6}}));
#pragma once

#include "core/puzzle/architecture_costs.h"

namespace vitrine {

struct StoredSearch {
    BudgetShares budget;
    int64_t alternatives = 0;  // further architectures that differ from all before
    double difference = 0.2;   // in this share of the layers
    double seconds = 60;       // of the solver for each, at most
};

struct StoredSolution {
    std::vector<BlockChoice> choice;
    PartCost cost;       // of the whole model
    double score = 0;    // sum
    double bound = 0;    // no architecture has less
    bool proven = true;  // that it is the best one
    double seconds = 0;  // that the solver took
};

struct StoredLibrary {
    struct Layer {
        std::vector<std::string> attention, feedForward;  // names of the variants, the parent's first
    };
    std::vector<Layer> layers;
    std::vector<std::vector<double>> scores;  // of all pairs of each layer; NaN: not scored
    ArchitectureCosts costs;

    // Of the members "library" and "costs". InvalidFile names the member.
    static Result<StoredLibrary> read(const Json& report, const std::string& where);
    // The best first. Errors: those of the solver (which budget cannot be met), limits of time where nothing
    // was timed, a budget that limits nothing.
    Result<std::vector<StoredSolution>> search(const StoredSearch& wanted) const;
    // "0: parent | 50 % neurons".
    std::string text(const StoredSolution& solution) const;
};

}  // namespace vitrine
