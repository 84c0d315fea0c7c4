// The tokenizer.json format of the Hugging Face tokenizers library: normalizer, pre_tokenizer, model,
// post_processor, decoder and added_tokens.
#pragma once

#include "core/base/json.h"
#include "core/tokenizers/tokenizer.h"

namespace vitrine {

// `json` is the file's content, `where` its path; other vocabulary files are brought into this form and read
// here too.
Result<std::shared_ptr<Tokenizer::Implementation>> readTokenizerJson(const Json& json,
                                                                     const std::string& where);

}  // namespace vitrine
