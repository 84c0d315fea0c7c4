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

struct ByteModelTraining {
    int64_t steps = 1500;   // of the request's scale
    double finalShare = 0;  // of the learning rate that is left at the end
    int64_t learnt = 0;     // the first so many texts; the others are opened only. 0: all
};
// A byte model begun from the request's seed and trained on `texts`, as often on each, with 12 windows of 96
// bytes a step; the last 2 % of each text are held out. The ground has all texts and measures on windows of
// that length. Errors: NotFound for a missing text, those of texts and LanguageTrainer, Cancelled.
Result<LanguageGround> trainByteModel(const std::vector<std::filesystem::path>& texts,
                                      const ClaimRequest& request, const ByteModelTraining& training = {});

// The same for claims that stand on one model: what was, or is being, trained in this process for the same
// texts, seed, scale and device is not trained again (5 MB each, kept while the process lives).
Result<LanguageGround> sharedByteModel(const std::vector<std::filesystem::path>& texts,
                                       const ClaimRequest& request);

}  // namespace vitrine
