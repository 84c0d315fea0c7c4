#include "core/engine/engine_job_kinds.h"

#include "core/claims/claim_kind.h"
#include "core/engine/compress_kind.h"
#include "core/engine/distill_kind.h"
#include "core/engine/evaluate_kind.h"
#include "core/engine/extract_kind.h"
#include "core/engine/fidelity_kind.h"
#include "core/engine/inspect_engine_impl.h"
#include "core/engine/inspect_kind.h"
#include "core/engine/language_evaluation_kind.h"
#include "core/engine/learn_masks_kind.h"
#include "core/engine/merging_kind.h"
#include "core/engine/prune_structures_kind.h"
#include "core/engine/puzzle_kind.h"
#include "core/engine/statistics_kind.h"
#include "core/engine/train_incremental_kind.h"
#include "core/engine/train_elastic_kind.h"
#include "core/engine/train_language_kind.h"
#include "core/engine/train_sparse_kind.h"
#include "core/engine/train_upsampler_kind.h"

namespace vitrine {

void addJobKinds(JobKinds& kinds) {
    kinds.add(selftestKind());
    kinds.add(inspectKind(makeInspectEngine));
    kinds.add(extractKind());
    kinds.add(compressKind());
    kinds.add(pruneStructuresKind());
    kinds.add(puzzleKind());
    kinds.add(distillKind());
    kinds.add(trainUpsamplerKind());
    kinds.add(upsamplerFidelityKind());
    kinds.add(tokenMergingKind());
    kinds.add(teacherStatisticsKind());
    kinds.add(evaluateKind());
    kinds.add(trainLanguageModelKind());
    kinds.add(learnMasksKind());
    kinds.add(trainElasticKind());
    kinds.add(languageEvaluationKind());
    kinds.add(trainSparseKind());
    kinds.add(trainIncrementalKind());
    kinds.add(claimKind());
}

}  // namespace vitrine
