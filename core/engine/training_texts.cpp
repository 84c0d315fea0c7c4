#include "core/engine/training_texts.h"

#include "core/language/trained_tokenizer.h"
#include "core/text/corpus.h"
#include "core/text/tokenizer_identity.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<fs::path> tokenizerFor(const Json& settings, const std::vector<fs::path>& files,
                              const fs::path& learnt, JobContext& job) {
    const std::string given = settings["tokenizer"];
    if (!given.empty())
        return fs::path(given);
    std::error_code ignored;
    if (fs::exists(learnt / "tokenizer_config.json", ignored))  // written last
        return learnt;
    TrainedTokenizerOptions options;
    options.vocabulary = settings["vocabulary"];
    VITRINE_TRY_VOID(writeTrainedTokenizer(learnt, files, options, job));
    return learnt;
}

}  // namespace

Result<TrainingTexts> openTrainingTexts(const Json& settings, const fs::path& learnt, JobContext& job) {
    std::vector<std::vector<fs::path>> files;
    std::vector<fs::path> all;
    for (const Json& text : settings["texts"]) {
        std::vector<fs::path> paths;
        for (const std::string path : text["paths"])
            paths.emplace_back(path);
        VITRINE_TRY(auto found, listTexts(paths));
        all.insert(all.end(), found.begin(), found.end());
        files.push_back(std::move(found));
    }
    VITRINE_TRY(const fs::path path, tokenizerFor(settings, all, learnt, job));
    VITRINE_TRY(const Tokenizer tokenizer, openTokenizer(path));
    VITRINE_TRY(const std::string identity, tokenizerIdentity(path));
    CorpusOptions options;
    options.text.field = settings["field"];
    options.endTokens = tokenizer.specialTokens().eos.has_value();
    TrainingTexts result{tokenizer, path, {}};
    for (size_t i = 0; i < files.size(); ++i) {
        const Json& text = settings["texts"][i];
        VITRINE_TRY(const Corpus corpus, openCorpus(files[i], tokenizer, identity, options, job));
        const SplitRanges split = splitTail(*corpus.tokens, settings["held_out"]);
        result.texts.push_back({text["name"], corpus.tokens, split.training, split.heldOut, text["weight"]});
    }
    return result;
}

}  // namespace vitrine
