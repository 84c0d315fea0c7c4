// What the Structures page asks the project: runs that cut, searched, learnt masks, many sizes or chunk by
// chunk, and what one found. Called on a service's thread.
#pragma once

#include "core/puzzle/stored_search.h"
#include "core/runs/run_store.h"
#include "widgets/compress/elastic_view.h"
#include "widgets/compress/incremental_view.h"
#include "widgets/compress/mask_history_view.h"
#include "widgets/compress/mask_panel.h"
#include "widgets/compress/puzzle_view.h"
#include "widgets/compress/sparse_view.h"
#include "widgets/compress/structures_view.h"

namespace vitrine {

enum class StructureKind { Prune, Puzzle, Masks, Elastic, Incremental };

struct StructureRunLine {
    Run run;
    StructureKind kind = StructureKind::Prune;
    QString title;
};
// Runs of the kinds prune-structures, puzzle, learn-masks, train-sparse, train-elastic and train-incremental,
// the newest first.
Result<std::vector<StructureRunLine>> structureRuns(const Project& project);

struct StructureRun {
    Run run;
    StructureKind kind = StructureKind::Prune;
    Json recipe = Json::object();
    std::string model;  // folder or file that it began with
    StructureResults structures;
    PuzzleResults puzzle;
    ElasticResults elastic;
    MaskHistory history;
    SparseResults sparse;  // of train-sparse
    IncrementalResults incremental;
    std::vector<MaskChoice> frames;               // of the history
    std::filesystem::path ranking;                // ranking.safetensors; empty: none
    std::filesystem::path library;                // library.safetensors of puzzle; empty: none
    std::shared_ptr<const StoredLibrary> stored;  // its scores and costs; null: cannot be searched again
};
Result<std::shared_ptr<const StructureRun>> structureRun(const Project& project, const std::string& runId);

// What the reports of those jobs say; exposed for tests. InvalidFile names what is missing.
Result<StructureScores> scoresOf(const Json& ranking);
Result<std::vector<StructureStudent>> studentsOf(const Json& structures);
Result<PuzzleResults> puzzleOf(const Json& report);

}  // namespace vitrine
