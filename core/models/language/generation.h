// Continuing a text token by token with a key/value cache.
#pragma once

#include "core/base/job_context.h"
#include "core/models/language/language_model.h"

#include <functional>

namespace vitrine {

// How the next token is chosen from its logits.
struct Sampling {
    bool greedy = true;
    double temperature = 1.0;  // above 0
    int64_t topK = 0;          // only the K likeliest tokens; 0: all
    double topP = 1.0;         // only the likeliest tokens whose probabilities sum up to this, in (0, 1]
    uint64_t seed = 0;

    Result<void> validate() const;
};

struct GenerationOptions {
    Sampling sampling = {};
    int64_t maxNewTokens = 64;
    bool stopAtEnd = true;  // at a token of DecoderConfig::eos; it is part of the result
    bool keepLogits = false;
};

struct Generation {
    enum class Reason { Length, EndToken, ContextFull, Asked };
    std::vector<int64_t> ids;  // the new tokens only
    at::Tensor logits;         // (new tokens, vocabulary), float32, if wanted
    Reason reason = Reason::Length;
    double promptSeconds = 0, decodeSeconds = 0;
};
const char* reasonName(Generation::Reason reason);  // "length", "end_token", "context_full", "asked"

// Draws one token after another from logits (vocabulary). The same seed gives the same tokens.
class TokenSampler {
  public:
    explicit TokenSampler(const Sampling& sampling);
    int64_t next(const at::Tensor& logits);

  private:
    double uniform();
    Sampling sampling_;
    uint64_t state_;
};

// `sink` gets each new token at once; false ends the generation. Errors: InvalidArgument for an empty prompt,
// ids outside the vocabulary, a prompt longer than the context; Cancelled.
Result<Generation> generate(const LanguageModel& model, const std::vector<int64_t>& prompt,
                            const GenerationOptions& options, JobContext& job,
                            const std::function<bool(int64_t)>& sink = {});

}  // namespace vitrine
