// Vocabulary files that are not a tokenizer.json, brought into its form: what the files leave to the program
// (how text is cut, which tokens frame it) is filled in as the tokenizer that publishes them does it.
#pragma once

#include "core/tokenizers/tokenizer_json.h"

namespace vitrine {

// A byte-level BPE in tokenizer.json form with empty vocabulary. `patterns` cut the text one after another.
Json byteLevelBpeJson(const std::vector<std::string>& patterns);
// An entry of "added_tokens".
Json addedTokenJson(const std::string& content, int64_t id, bool special);
// A "post_processor" that frames the text with these tokens.
Json frameJson(const std::vector<std::pair<std::string, int64_t>>& before,
               const std::vector<std::pair<std::string, int64_t>>& after);

// CLIP's cutting, lower-casing and </w>, with an empty vocabulary.
Json clipBpeJson();
// BERT's WordPiece with an empty vocabulary.
Json wordPieceJson(bool lowercase);

extern const char* const kGpt2Split;
extern const char* const kLlama3Split;
extern const char* const kQwen2Split;
extern const char* const kTekkenSplit;

// vocab.json + merges.txt. `config` is tokenizer_config.json or an empty object: its tokenizer_class tells
// GPT-2's cutting from CLIP's, Qwen2's and RoBERTa's; without a known class the vocabulary does.
Result<TokenizerDefinition> readVocabMerges(const std::filesystem::path& vocab,
                                            const std::filesystem::path& merges, const Json& config);
// vocab.txt: one token per line, the line number is the id.
Result<TokenizerDefinition> readVocabText(const std::filesystem::path& file, const Json& config);
// OpenAI's bpe_simple_vocab_16e6.txt, gzip-compressed or not.
Result<TokenizerDefinition> readClipMerges(const std::filesystem::path& file);
// Mistral's tekken.json: tokens as base64 bytes with ranks, special tokens in front.
Result<TokenizerDefinition> readTekken(const Json& tekken, const std::string& where);

}  // namespace vitrine
