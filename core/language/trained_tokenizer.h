// The tokenizer of a new language model: learnt from its texts (byte-level BPE; without merges it is one
// token for each byte), written as tokenizer.json and tokenizer_config.json.
#pragma once

#include "core/base/job_context.h"

#include <filesystem>
#include <vector>

namespace vitrine {

struct TrainedTokenizerOptions {
    int64_t vocabulary = 2048;                // the end token and the 256 bytes included; 257: bytes only
    int64_t sampleBytes = int64_t(32) << 20;  // of text to learn from at most, evenly taken from the texts
    std::string endToken = "<|endoftext|>";   // id 0; also the start token
};

// `texts`: files as listTexts gives them. Errors: those of reading; InvalidArgument for a vocabulary that is
// too small.
Result<void> writeTrainedTokenizer(const std::filesystem::path& folder,
                                   const std::vector<std::filesystem::path>& texts,
                                   const TrainedTokenizerOptions& options, JobContext& job);

}  // namespace vitrine
