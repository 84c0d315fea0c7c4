// Texts for compressing a language model: windows to calibrate on, and what perplexity is measured on.
#pragma once

#include "core/eval/language_perplexity.h"
#include "core/text/corpus.h"

namespace vitrine {

struct CalibrationTexts {
    std::vector<at::Tensor> batches;  // ids (B, length)
    std::string dataHash;             // over the ids of all windows
    int64_t windows = 0, length = 0;
    std::shared_ptr<const TokenFile> evaluation;
    TokenRange evaluationRange;
    PerplexityOptions perplexity;
};

// `settings` as compressSettingsSchema says. Without calibration texts the model writes them itself: windows
// sampled at temperature 1 from its start token. Errors: those of texts and tokenizers; InvalidArgument
// without any evaluation text, and for texts shorter than a window.
Result<CalibrationTexts> openCalibrationTexts(const LanguageModel& model, const Json& settings, uint64_t seed,
                                              JobContext& job);

}  // namespace vitrine
