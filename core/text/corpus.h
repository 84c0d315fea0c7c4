// A corpus tokenised once: the token file lies in a cache under a name made of what it depends on (the texts'
// content, the tokenizer, the options), and is opened at once the next time.
#pragma once

#include "core/base/job_context.h"
#include "core/text/text_reader.h"
#include "core/text/token_file.h"
#include "core/tokenizers/tokenizer.h"

namespace vitrine {

struct CorpusOptions {
    TextOptions text;
    bool endTokens = false;       // the tokenizer's end token behind every document
    bool startTokens = false;     // its start token in front
    std::filesystem::path cache;  // empty: userCacheFolder()/tokens
};

struct Corpus {
    std::vector<std::filesystem::path> files;
    std::shared_ptr<const TokenFile> tokens;
    bool wasCached = false;
};

// `identity`: tokenizerIdentity of `tokenizer`. Errors: those of listTexts and readDocuments; InvalidArgument
// if there is no text at all; NotFound if a start or end token is asked for that the tokenizer does not name;
// Cancelled.
Result<Corpus> openCorpus(const std::vector<std::filesystem::path>& paths, const Tokenizer& tokenizer,
                          const std::string& identity, const CorpusOptions& options, JobContext& job);

// SHA-256 over the documents of `files` in order, each with its length in front.
Result<std::string> corpusHash(const std::vector<std::filesystem::path>& files, const TextOptions& options,
                               JobContext& job);

}  // namespace vitrine
