// The job "evaluate-language": perplexity, bits per byte, and questions with given answers.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind languageEvaluationKind();

// Rows of evaluation.json as a table; scores of different keys stand in different parts of it.
std::string languageEvaluationTable(const Json& rows);

}  // namespace vitrine
