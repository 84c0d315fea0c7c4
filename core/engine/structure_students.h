// Students of the job "prune-structures": what the settings' plans ask for, cut out of the teacher.
#pragma once

#include "core/language/language_distiller.h"
#include "core/structured/emulation.h"
#include "core/structured/head_merge.h"
#include "core/structured/structure_search.h"

namespace vitrine {

struct StudentPlan {
    std::string name;
    StructureSizes sizes;
    HeadMerge mergeHeads = HeadMerge::None;  // where `sizes.heads` go
    int64_t attentionRemoved = 0, feedForwardRemoved = 0;
    std::string standIn = "none";  // none, mean, low_rank
    int64_t rank = 0;
    bool control = false;    // structures drawn by chance
    bool candidate = false;  // of the search: a short distillation
};

// The settings' plans with their random controls, names made unique. InvalidArgument: heads that are merged
// although none go.
Result<std::vector<StudentPlan>> studentPlansFrom(const Json& settings);
// Candidates of the settings' search; empty where they ask for none. Errors: those of searchCandidates.
Result<std::vector<StudentPlan>> searchPlansFrom(const Json& settings, const DecoderConfig& config);
Result<SelectionOptions> selectionFrom(const Json& settings, uint64_t seed);

struct Student {
    std::unique_ptr<LanguageModel> model;
    SlicePlan slice;
    std::vector<EmulationReport> standIns;
    std::vector<int64_t> removed;  // players that have stand-ins
    // Widths of states, student to teacher; undefined where they are equal.
    at::Tensor projection;
    // Stream behind block k of the student <-> behind which block of the teacher.
    std::vector<StatePair> states;
};

Result<Student> makeStudent(const LanguageModel& teacher, const StructureRanking& ranking,
                            const StudentPlan& plan, const SelectionOptions& selection,
                            const std::vector<at::Tensor>& calibration, JobContext& job);

// Adds the influence by `metric` (the settings' block_metric) to ranking.blocks and ranking.parts, or to one
// of them, if it is not there: one pass for each player.
Result<void> addInfluence(const LanguageModel& model, const std::vector<at::Tensor>& batches,
                          const std::string& metric, uint64_t seed, StructureRanking& ranking,
                          JobContext& job,
                          const std::vector<Players>& of = {Players::Blocks, Players::Parts});

// Scores of a ranking for pictures: {"channels": [..], "neurons": [[..]], "heads": [[..]], "blocks": {metric:
// [..]}, "parts": {metric: [..]}, "stream_norms": [..], "stream_cosines": [[..]]}.
Json rankingJson(const StructureRanking& ranking, const SelectionOptions& selection);

}  // namespace vitrine
