// Perplexity of a language model on a text, by one protocol: the text is tokenised once, cut into
// non-overlapping windows of a stated length, and PPL = exp(total negative log-likelihood / predicted
// tokens). A window of L tokens predicts L - 1. The number depends on the length, the tokenizer and the text;
// key() names them, and scores with different keys are not comparable. Bits per byte do not depend on the
// tokenizer.
#pragma once

#include "core/base/job_context.h"
#include "core/models/language/language_model.h"
#include "core/text/token_windows.h"

#include <optional>

namespace vitrine {

struct PerplexityOptions {
    int64_t length = 0;      // tokens of a window; 0: the model's context, at most 2048
    bool documents = false;  // each document on its own, behind the start token, cut at `length`
    int64_t batch = 4;       // windows that go through the model together
    int64_t limit = 0;       // at most so many windows, evenly spread; 0: all
};

struct PerplexityScore {
    double nats = 0;        // total negative log-likelihood
    int64_t predicted = 0;  // tokens
    int64_t windows = 0;
    int64_t length = 0;
    bool documents = false;
    int64_t limit = 0;
    double tokensPerByte = 0;  // of the whole text
    std::string corpusHash, tokenizerIdentity;
    double seconds = 0;

    double natsPerToken() const { return predicted > 0 ? nats / double(predicted) : 0; }
    double perplexity() const;
    double bitsPerByte() const;
    std::string key() const;
    Json toJson() const;
};

// `range`: a part of the file, all of it if absent. Errors: InvalidArgument if the text's vocabulary is
// larger than the model's, the length above the context or below 2, or there is no window; Cancelled.
Result<PerplexityScore> measurePerplexity(const LanguageModel& model, const TokenFile& text,
                                          const PerplexityOptions& options, JobContext& job,
                                          std::optional<TokenRange> range = std::nullopt);

// Says so if a tokenizer cannot belong to a model.
Result<void> checkVocabulary(const LanguageModel& model, int64_t vocabulary, const std::string& where);

}  // namespace vitrine
