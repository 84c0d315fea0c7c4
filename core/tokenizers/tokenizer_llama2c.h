// The vocabulary file of llama2.c (tokenizer.bin, tok512.bin): the length of the longest piece, then for each
// piece a float32 score, its length and its bytes. A SentencePiece BPE vocabulary with byte fallback, spaces
// written plainly; ids 0, 1 and 2 are unknown, start and end.
#pragma once

#include "core/tokenizers/tokenizer.h"

namespace vitrine {

// UnknownFamily for another kind of file, InvalidFile for truncated content. `bytes`: the whole file.
Result<std::shared_ptr<Tokenizer::Implementation>> readLlama2cTokenizer(std::string_view bytes,
                                                                        const std::string& where);

}  // namespace vitrine
