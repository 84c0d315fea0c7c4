#include "core/claims/ground_text.h"

#include "core/text/corpus.h"

namespace vitrine {
namespace fs = std::filesystem;

Result<void> checkInstalled(const fs::path& path, const char* what) {
    std::error_code ignored;
    if (fs::exists(path, ignored))
        return {};
    return fail(ErrorCode::NotFound, fmt::format("{} is not there", what), path.string(),
                "The claims about language models need it: ./run --setup installs it");
}

Result<LanguageTrainingText> openGroundText(const fs::path& file, const Tokenizer& tokenizer,
                                            const std::string& identity, double heldOut, JobContext& job) {
    VITRINE_TRY_VOID(checkInstalled(file, "a sample text"));
    // As the training reads them, so that the end of each text is what the model never saw.
    CorpusOptions options;
    options.endTokens = tokenizer.specialTokens().eos.has_value();
    VITRINE_TRY(const Corpus corpus, openCorpus({file}, tokenizer, identity, options, job));
    const SplitRanges split = splitTail(*corpus.tokens, heldOut);
    return LanguageTrainingText{file.stem().string(), corpus.tokens, split.training, split.heldOut, 1.0};
}

}  // namespace vitrine
