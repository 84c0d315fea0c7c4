// The specification's byte model (T1; section 0.7, its shape in the introduction): a language model on single
// bytes that is small enough to be trained anew for every seed of a claim, and each of whose blocks counts.
//
//   VITRINE_TRY(const LanguageGround ground, trainByteModel(ownLanguageFiles().texts, request));
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

// 6 blocks of width 128 with 4 heads of 32 and 352 gated neurons, a head of its own: 1,271,680 parameters.
// 257 tokens (the end of a text, then the bytes) and a context of 96.
DecoderConfig byteModelConfig();

// A byte model begun from the request's seed and trained on `texts`, as often on each: 1,500 steps of the
// request's scale with 12 windows of 96 bytes; the last 2 % of each text are held out. The ground measures
// on windows of that length. Errors: NotFound for a missing text, those of texts and LanguageTrainer,
// Cancelled.
Result<LanguageGround> trainByteModel(const std::vector<std::filesystem::path>& texts,
                                      const ClaimRequest& request);

}  // namespace vitrine
