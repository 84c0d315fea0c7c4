#include "core/text/corpus.h"

#include "core/base/hash.h"
#include "core/base/paths.h"

#include <atomic>
#include <mutex>
#include <thread>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBatchDocuments = 256;

struct Prepared {
    std::string text;
    std::vector<int64_t> ids;
};

// Encodes the documents of a batch side by side.
Result<void> encodeAll(std::vector<Prepared>& batch, const Tokenizer& tokenizer,
                       const CorpusOptions& options) {
    std::mutex mutex;
    std::optional<Error> problem;
    std::atomic<size_t> next{0};
    const SpecialTokenIds& special = tokenizer.specialTokens();
    const auto work = [&] {
        for (size_t i = next++; i < batch.size(); i = next++) {
            auto encoding =
                tokenizer.encode(batch[i].text, {.addSpecialTokens = false, .matchAddedTokens = false});
            if (!encoding) {
                const std::lock_guard lock(mutex);
                problem = encoding.error();
                return;
            }
            batch[i].ids = std::move(encoding->ids);
            if (options.startTokens)
                batch[i].ids.insert(batch[i].ids.begin(), *special.bos);
            if (options.endTokens)
                batch[i].ids.push_back(*special.eos);
        }
    };
    const size_t count =
        std::min<size_t>(batch.size() / 8, std::max(1u, std::thread::hardware_concurrency()) - 1);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < count; ++i)
        threads.emplace_back(work);
    work();
    for (std::thread& thread : threads)
        thread.join();
    if (problem)
        return fail(*problem);
    return {};
}

Result<void> writeBatch(std::vector<Prepared>& batch, const Tokenizer& tokenizer,
                        const CorpusOptions& options, TokenFileWriter& writer) {
    VITRINE_TRY_VOID(encodeAll(batch, tokenizer, options));
    for (const Prepared& document : batch)
        VITRINE_TRY_VOID(writer.addDocument(document.ids, int64_t(document.text.size())));
    batch.clear();
    return {};
}

Result<void> tokenise(const std::vector<fs::path>& files, const Tokenizer& tokenizer,
                      const CorpusOptions& options, TokenFileWriter& writer, JobContext& job) {
    std::vector<Prepared> batch;
    job.beginStage("tokenising", int64_t(files.size()));
    for (const fs::path& file : files) {
        VITRINE_TRY_VOID(readDocuments(file, options.text, [&](std::string_view document) -> Result<void> {
            batch.push_back({std::string(document), {}});
            if (batch.size() < kBatchDocuments)
                return {};
            VITRINE_TRY_VOID(job.checkStop());
            return writeBatch(batch, tokenizer, options, writer);
        }));
        job.advance();
    }
    return writeBatch(batch, tokenizer, options, writer);
}

}  // namespace

Result<std::string> corpusHash(const std::vector<fs::path>& files, const TextOptions& options,
                               JobContext& job) {
    Sha256 hash;
    bool any = false;
    job.beginStage("reading texts", int64_t(files.size()));
    for (const fs::path& file : files) {
        VITRINE_TRY_VOID(job.checkStop());
        VITRINE_TRY_VOID(readDocuments(file, options, [&](std::string_view document) -> Result<void> {
            any = true;
            hash.update(fmt::format("{}:", document.size()));
            hash.update(document);
            return {};
        }));
        job.advance();
    }
    if (!any)
        return fail(ErrorCode::InvalidArgument, "there is no text in it",
                    files.empty() ? "" : files.front().string(), "Name files with at least one document");
    return hash.hexDigest();
}

Result<Corpus> openCorpus(const std::vector<fs::path>& paths, const Tokenizer& tokenizer,
                          const std::string& identity, const CorpusOptions& options, JobContext& job) {
    if ((options.startTokens && !tokenizer.specialTokens().bos) ||
        (options.endTokens && !tokenizer.specialTokens().eos))
        return fail(ErrorCode::NotFound,
                    fmt::format("the tokenizer ({}) names no {} token", tokenizer.description(),
                                options.startTokens && !tokenizer.specialTokens().bos ? "start" : "end"),
                    {}, "Name it in tokenizer_config.json");
    Corpus corpus;
    VITRINE_TRY(corpus.files, listTexts(paths));
    VITRINE_TRY(const std::string hash, corpusHash(corpus.files, options.text, job));
    const fs::path folder = options.cache.empty() ? userCacheFolder() / "tokens" : options.cache;
    const std::string key = sha256Hex(fmt::format("{} {} {} {} {}", hash, identity, options.startTokens,
                                                  options.endTokens, tokenizer.vocabularySize()));
    const fs::path file = folder / (key.substr(0, 32) + ".tokens");
    std::error_code error;
    if (fs::exists(file, error))
        if (auto opened = TokenFile::open(file); opened && (*opened)->info().corpusHash == hash) {
            corpus.tokens = std::move(*opened);
            corpus.wasCached = true;
            return corpus;
        }
    VITRINE_TRY(auto writer, TokenFileWriter::create(file, tokenizer.vocabularySize()));
    VITRINE_TRY_VOID(tokenise(corpus.files, tokenizer, options, writer, job));
    VITRINE_TRY_VOID(writer.finish(hash, identity));
    VITRINE_TRY(corpus.tokens, TokenFile::open(file));
    return corpus;
}

}  // namespace vitrine
