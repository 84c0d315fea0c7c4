#include "core/eval/language_perplexity.h"

#include "core/base/stopwatch.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

constexpr int64_t kLongestDefault = 2048;

// Every so many of `list`, `limit` of them.
std::vector<int64_t> spread(const std::vector<int64_t>& list, int64_t limit) {
    if (limit == 0 || int64_t(list.size()) <= limit)
        return list;
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < limit; ++i)
        chosen.push_back(list[size_t(i * int64_t(list.size()) / limit)]);
    return chosen;
}

void add(PerplexityScore& score, const LanguageModel& model, const at::Tensor& ids) {
    const at::Tensor losses = model.decoder().tokenLosses(ids);
    score.nats += losses.to(at::kDouble).sum().item<double>();
    score.predicted += losses.numel();
    score.windows += ids.size(0);
}

Result<void> measureWindows(PerplexityScore& score, const LanguageModel& model, const TokenFile& text,
                            const PerplexityOptions& options, TokenRange range, JobContext& job) {
    const int64_t size = windowLength(range, score.length);
    const std::vector<int64_t> starts = spread(windowStarts(range, score.length), options.limit);
    job.beginStage("measuring perplexity", int64_t(starts.size()));
    for (size_t at = 0; at < starts.size(); at += size_t(options.batch)) {
        VITRINE_TRY_VOID(job.checkStop());
        const size_t count = std::min(size_t(options.batch), starts.size() - at);
        const at::Tensor ids = at::empty({int64_t(count), size}, at::kLong);
        for (size_t i = 0; i < count; ++i)
            text.read(starts[at + i], {ids.data_ptr<int64_t>() + int64_t(i) * size, size_t(size)});
        add(score, model, ids);
        job.advance(int64_t(count));
    }
    return {};
}

Result<void> measureDocuments(PerplexityScore& score, const LanguageModel& model, const TokenFile& text,
                              const PerplexityOptions& options, TokenRange range, JobContext& job) {
    std::vector<int64_t> documents;
    for (int64_t i = 0; i < text.info().documents; ++i)
        if (text.documentStart(i) >= range.first && text.documentStart(i + 1) <= range.first + range.count)
            documents.push_back(i);
    const auto bos = model.config().bos;
    const int64_t front = bos ? 1 : 0;
    documents = spread(documents, options.limit);
    job.beginStage("measuring perplexity", int64_t(documents.size()));
    for (const int64_t document : documents) {
        VITRINE_TRY_VOID(job.checkStop());
        const int64_t start = text.documentStart(document);
        const int64_t count = std::min(text.documentStart(document + 1) - start, score.length - front);
        job.advance();
        if (count + front < 2)
            continue;
        const at::Tensor ids = at::empty({1, count + front}, at::kLong);
        if (bos)
            *ids.data_ptr<int64_t>() = *bos;
        text.read(start, {ids.data_ptr<int64_t>() + front, size_t(count)});
        add(score, model, ids);
    }
    return {};
}

}  // namespace

double PerplexityScore::perplexity() const {
    return std::exp(natsPerToken());
}

double PerplexityScore::bitsPerByte() const {
    return natsPerToken() / std::numbers::ln2 * tokensPerByte;
}

std::string PerplexityScore::key() const {
    return fmt::format("{} {}{}, tokenizer {}, text {}", documents ? "documents of at most" : "windows of",
                       length, limit > 0 ? fmt::format(", {} of them", windows) : "",
                       tokenizerIdentity.substr(0, 12), corpusHash.substr(0, 12));
}

Json PerplexityScore::toJson() const {
    return {{"perplexity", perplexity()},
            {"natsPerToken", natsPerToken()},
            {"bitsPerByte", bitsPerByte()},
            {"predictedTokens", predicted},
            {"windows", windows},
            {"length", length},
            {"documents", documents},
            {"tokenizer", tokenizerIdentity},
            {"text", corpusHash},
            {"key", key()},
            {"seconds", seconds}};
}

Result<void> checkVocabulary(const LanguageModel& model, int64_t vocabulary, const std::string& where) {
    if (vocabulary <= model.config().vocabulary)
        return {};
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("the tokenizer knows {} tokens, the model {}", vocabulary, model.config().vocabulary),
        where, "Does the tokenizer belong to this model?");
}

Result<PerplexityScore> measurePerplexity(const LanguageModel& model, const TokenFile& text,
                                          const PerplexityOptions& options, JobContext& job,
                                          std::optional<TokenRange> part) {
    const int64_t context = model.config().contextLength;
    VITRINE_TRY_VOID(checkVocabulary(model, text.info().vocabulary, "text"));
    if (options.length != 0 && (options.length < 2 || options.length > context))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("windows of {} tokens; the model takes 2 to {}", options.length, context),
                    "length");
    PerplexityScore score;
    score.length = options.length > 0 ? options.length : std::min(context, kLongestDefault);
    score.documents = options.documents;
    score.limit = options.limit;
    score.corpusHash = text.info().corpusHash;
    score.tokenizerIdentity = text.info().tokenizerIdentity;
    score.tokensPerByte = text.info().bytes > 0 ? double(text.info().tokens) / double(text.info().bytes) : 0;
    const TokenRange range = part.value_or(TokenRange{0, text.info().tokens});
    at::NoGradGuard noGrad;
    {
        const Stopwatch watch(score.seconds);
        VITRINE_TRY_VOID(options.documents ? measureDocuments(score, model, text, options, range, job)
                                           : measureWindows(score, model, text, options, range, job));
    }
    if (score.predicted == 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the text has {} tokens: nothing can be predicted", range.count), "text",
                    "Give a longer text");
    if (!std::isfinite(score.nats))
        return fail(ErrorCode::InvalidArgument, "the model gives probabilities that are no numbers", "model",
                    "Compute in float32; are the weights whole?");
    return score;
}

}  // namespace vitrine
