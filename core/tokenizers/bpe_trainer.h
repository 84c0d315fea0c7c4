// Learns a byte-level BPE vocabulary (Sennrich et al. 2016, arXiv:1508.07909, on bytes as GPT-2 does): counts
// the words that GPT-2's pattern cuts, then merges the most frequent neighbouring pair, of equal ones the
// greater pair of byte strings, until the vocabulary is full.
#pragma once

#include "core/base/job_context.h"
#include "core/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

struct BpeTrainingOptions {
    int64_t vocabularySize = 1000;  // special tokens and the 256 bytes included
    std::vector<std::string>
        specialTokens;  // get the first ids; text is cut at them and they are not counted
};

struct TrainedBpe {
    std::vector<std::string> tokens;  // bytes of each id: specials, bytes (GPT-2 order), merges
    std::vector<std::pair<std::string, std::string>> merges;  // bytes, in the order learnt
};

// InvalidArgument for a vocabulary smaller than special tokens + 256; Cancelled on request. Training stops
// early where no pair is left.
Result<TrainedBpe> trainByteLevelBpe(std::string_view corpus, const BpeTrainingOptions& options,
                                     JobContext& job);

// The trained vocabulary as a tokenizer.json.
std::string trainedTokenizerJson(const TrainedBpe& trained, const BpeTrainingOptions& options);

}  // namespace vitrine
