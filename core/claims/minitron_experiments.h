// Minitron (Muralidharan et al. 2024; Sreenivas et al. 2024) beside the cuts themselves (minitron_claim.cpp):
// the experiments that its claim is joined from, each with arms of its own.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

// A teacher that knows one text hands its students another one, as it is or after a few steps on it.
ClaimExperiment teacherCorrectionExperiment();
// The same with any model that knows the first of two texts.
Result<ClaimMeasurement> measureTeacherCorrection(const LanguageGround& ground, const ClaimRequest& request);

// One query head of each key/value group stays, with what the others leave it in several ways, as cut. Judges
// nothing: the publications give no figure for it.
ClaimExperiment headMergeExperiment();
// The same on any model whose groups have several heads.
Result<ClaimMeasurement> measureHeadMerge(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
