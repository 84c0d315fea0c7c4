// The job "train-language-model": a decoder of the settings' sizes, trained from scratch on texts with a
// tokenizer learnt from them, and written as a Hugging Face folder.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind trainLanguageModelKind();

}  // namespace vitrine
