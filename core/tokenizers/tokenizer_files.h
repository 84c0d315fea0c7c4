// Which file of a folder holds its tokenizer, and what its neighbours say about it. In this order:
// tokenizer.json; tokenizer.model, spiece.model, sentencepiece.bpe.model; tekken.json; vocab.json +
// merges.txt; vocab.txt; bpe_simple_vocab_16e6.txt.gz; a single *.gguf. tokenizer_config.json, where present,
// names the special tokens, the maximal length and (for SentencePiece) the start and end tokens.
#pragma once

#include "core/tokenizers/tokenizer.h"

namespace vitrine {

// The file that openTokenizer reads for `folder`; NotFound lists the names above.
Result<std::filesystem::path> findTokenizerFile(const std::filesystem::path& folder);

}  // namespace vitrine
