// What query heads that are cut leave to those that stay. The heads of a key/value group read the same keys
// and values, so that their queries and their columns of the output projection can be put together. Made on
// the model before it is sliced; keeping all heads changes nothing.
//
//   VITRINE_TRY(const auto merged, mergeHeads(*model, plan, sortedPlan, HeadMerge::Residual));
//   VITRINE_TRY(auto student, sliceModel(*merged, plan));
#pragma once

#include "core/structured/slicer.h"

namespace vitrine {

enum class HeadMerge {
    None,
    // Minitron's (Muralidharan et al. 2024, section 3): of L heads in order of importance of which K stay,
    // head i becomes head_i + (head_i - head_{2K-i+1}) for i from 2K-L+1 to K, queries alone. Exactly the
    // plain cut where the two are alike.
    Residual,
    // Each head that goes leaves its columns of the output projection to the kept head of its group whose
    // query weights are most alike (cosine). Exactly the uncut model where these are the same.
    Outputs,
};
const char* headMergeName(HeadMerge merge);  // "none", "residual", "outputs"
Result<HeadMerge> headMergeFromName(const std::string& name);

// Places in the order of importance, from 0: which kept head takes from which that goes. Minitron's pairs:
// the last kept head takes from the first that goes, and so on outwards.
struct MergedHeads {
    int64_t kept = 0, gone = 0;
    bool operator==(const MergedHeads&) const = default;
};
std::vector<MergedHeads> residualPairs(int64_t kept, int64_t all);

// A copy of `model` whose kept heads have taken from those that `plan` leaves out. `order`: all heads of
// every block, most important first within each group (sortedPlan with the options of `plan`).
// InvalidArgument, naming the block, where the heads of `plan` are not the front of that order.
Result<std::unique_ptr<LanguageModel>> mergeHeads(const LanguageModel& model, const SlicePlan& plan,
                                                  const SlicePlan& order, HeadMerge how);

}  // namespace vitrine
