// Questions with given answers, scored by the likelihood of each answer behind its context, in the form of
// the usual harness (Gao et al., lm-evaluation-harness): `accuracy` takes the answer of the largest
// log-likelihood, `accuracyPerByte` that of the largest log-likelihood per byte of the answer. A question
// with one answer only is a cloze: right if greedy generation would give it.
#pragma once

#include "core/base/job_context.h"
#include "core/models/language/language_model.h"
#include "core/tokenizers/tokenizer.h"

#include <filesystem>

namespace vitrine {

struct ChoiceQuestion {
    std::string context;
    std::vector<std::string> choices;
    int64_t answer = 0;
};

// JSONL with "context" or "question"; "choices" (texts) and "answer" (a number from 0, a letter from A, or
// the text); for a cloze "target" in their place. InvalidFile names line and field.
Result<std::vector<ChoiceQuestion>> readChoiceQuestions(const std::filesystem::path& file);

struct ChoiceScores {
    int64_t questions = 0, clozes = 0;
    double accuracy = 0, accuracyPerByte = 0;  // of the questions with several answers
    double chance = 0;                         // expected of a blind guess
    double clozeAccuracy = 0, clozeNats = 0;   // mean over clozes: greedy hits, nats per answer
    int64_t shortened = 0;                     // contexts whose beginning did not fit
    struct Answer {
        int64_t chosen = 0, chosenPerByte = 0;
        std::vector<double> logLikelihoods;
    };
    std::vector<Answer> answers;  // in the order of the questions
    Json toJson() const;
};

// Errors: InvalidArgument for no questions, an empty answer, an answer longer than the context; Cancelled.
Result<ChoiceScores> scoreChoices(const LanguageModel& model, const Tokenizer& tokenizer,
                                  const std::vector<ChoiceQuestion>& questions, JobContext& job);

}  // namespace vitrine
