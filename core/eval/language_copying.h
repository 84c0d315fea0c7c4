// Whether a language model still finds a passage far in front of it: what no-op layers, fewer key/value heads
// and short texts of a distillation damage first, and perplexity on short windows does not show (Bercovich et
// al. 2024: long contexts after distillation on short ones). A window of the text is a passage P, what
// followed it F, and other tokens O of the same number. The model reads P F P, where the second P stands in
// front of it, and O F P, where it does not: what it gains is read from the context.
#pragma once

#include "core/base/job_context.h"
#include "core/models/language/language_model.h"
#include "core/text/token_windows.h"

namespace vitrine {

struct CopyingOptions {
    int64_t length = 0;    // tokens that are read at most; 0: the model's context, at most 2048
    int64_t passage = 16;  // tokens of it at most; never more than a quarter of what is read
    int64_t windows = 8;   // evenly over the text, at most
    int64_t batch = 4;     // that go through the model together
};

// Of one distance: the passage again after `length` tokens less the passage.
struct CopyingScore {
    int64_t length = 0, passage = 0, windows = 0;
    double natsWith = 0, natsWithout = 0;  // of a token of the second passage but its first
    double accuracy = 0;                   // share of them that the model would choose, where P was in front

    double gain() const { return natsWithout - natsWith; }
    // {"length", "passage", "windows", "nats_with", "nats_without", "gain", "accuracy"}
    Json toJson() const;
};

// At an eighth, a quarter, a half of the length and at all of it, where these are 8 tokens or more and the
// text has as many; the longest last. `range`: the part of the text. Errors: InvalidArgument for a wanted
// length below 8 or above the context; Cancelled.
Result<std::vector<CopyingScore>> measureCopying(const LanguageModel& model, const TokenFile& text,
                                                 const CopyingOptions& options, TokenRange range,
                                                 JobContext& job);

}  // namespace vitrine
