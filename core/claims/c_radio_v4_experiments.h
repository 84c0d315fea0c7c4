// C-RADIOv4 (2026): the experiments that its claim is joined from, each with arms of its own and its part of
// the pass rule.
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment cRadioV4Claim();

// Do independently shifted crops keep a teacher's position-locked noise out of the student?
ClaimExperiment shiftExperiment();
// Two summary teachers, one of a narrow and one of a wide cone: cosine against the balanced angle loss.
ClaimExperiment balanceExperiment();
// Two fixed training resolutions against sizes drawn anew at each step.
ClaimExperiment resolutionExperiment();
// ViTDet windows drawn anew at each step against global attention alone: fidelity and cost of each window.
ClaimExperiment windowExperiment();

}  // namespace vitrine
