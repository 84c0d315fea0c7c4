// The tokenizer.json format of the Hugging Face tokenizers library: normalizer, pre_tokenizer, model,
// post_processor, decoder and added_tokens.
#pragma once

#include "core/base/json.h"
#include "core/tokenizers/tokenizer.h"

#include <unordered_map>

namespace vitrine {

// A tokenizer.json taken apart: the project's JSON type looks keys up one by one, which a vocabulary of a
// hundred thousand tokens does not allow.
struct TokenizerDefinition {
    Json json;  // every section; "model" without the tables below
    std::vector<std::pair<std::string, int64_t>> vocabulary;  // "model.vocab" where it maps tokens to ids
    std::vector<std::pair<std::string, std::string>> merges;  // "model.merges"
    std::vector<uint32_t> mergeRanks;  // empty: a merge's rank is its place in the list

    std::optional<int64_t> find(std::string_view token) const;  // linear: for a few special tokens
};

// `where` is the file's path, for errors. InvalidFile for text that is no JSON object.
Result<TokenizerDefinition> parseTokenizerJson(const std::string& text, const std::string& where);
// Reads a JSON object that maps tokens to ids (vocab.json).
Result<std::vector<std::pair<std::string, int64_t>>> parseVocabularyJson(const std::string& text,
                                                                         const std::string& where);

// Other vocabulary files are brought into this form and read here too.
Result<std::shared_ptr<Tokenizer::Implementation>> makeTokenizer(TokenizerDefinition definition,
                                                                 const std::string& where);

}  // namespace vitrine
