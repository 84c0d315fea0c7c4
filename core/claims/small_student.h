// The small students of RADIOv2.5's and C-RADIOv4's experiments, and how they are taught.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/distill/student.h"

namespace vitrine {

// Two blocks of width 48, patches of 8 pixels, no registers, heads of 64. `positionGridSide`: cells.
StudentOptions smallStudentOptions(int64_t positionGridSide, int64_t preferredSide,
                                   std::vector<StudentTeacher> teachers);

using StepLoss = std::function<at::Tensor(const RadioModule& student, int64_t step)>;

// A student begun from the request's seed and taught for `steps` of the request's scale: AdamW, a cosine from
// 2e-3 after 20 steps. `gradientLimit`: norm at which gradients are clipped; 0: never. Advances the job by
// the steps. Error: Cancelled.
Result<std::shared_ptr<RadioModule>> taughtStudent(const StudentOptions& options, int64_t steps,
                                                   const ClaimRequest& request, const StepLoss& lossOf,
                                                   double gradientLimit = 0);

}  // namespace vitrine
