// The vocabulary in a GGUF file's metadata (keys tokenizer.ggml.*).
#pragma once

#include "core/base/json.h"
#include "core/tokenizers/tokenizer.h"

namespace vitrine {

// `metadata`: GgufFile::metadata. Reads the models "gpt2" (with the cutting that tokenizer.ggml.pre names),
// "llama" (SentencePiece BPE) and "bert" (WordPiece); UnknownFamily names another kind and the known ones.
Result<std::shared_ptr<Tokenizer::Implementation>> readGgufTokenizer(const Json& metadata,
                                                                     const std::string& where);

}  // namespace vitrine
