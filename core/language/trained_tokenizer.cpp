#include "core/language/trained_tokenizer.h"

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/text/text_reader.h"
#include "core/tokenizers/bpe_trainer.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// An equal share of bytes of every file, from documents spread over it.
Result<std::string> sampleOf(const std::vector<fs::path>& texts, int64_t sampleBytes,
                             const std::string& separator) {
    std::string sample;
    const int64_t share = sampleBytes / std::max<int64_t>(1, int64_t(texts.size()));
    for (const fs::path& file : texts) {
        std::vector<std::string> documents;
        int64_t total = 0;
        VITRINE_TRY_VOID(readDocuments(file, {}, [&](std::string_view document) -> Result<void> {
            documents.emplace_back(document);
            total += int64_t(document.size());
            return {};
        }));
        const double keep = total > share ? double(share) / double(total) : 1.0;
        for (std::string& document : documents) {
            size_t bytes = size_t(double(document.size()) * keep);
            while (bytes < document.size() && (document[bytes] & 0xC0) == 0x80)
                ++bytes;  // not inside a character
            document.resize(bytes);
            sample += document + separator;
        }
    }
    return sample;
}

}  // namespace

Result<void> writeTrainedTokenizer(const fs::path& folder, const std::vector<fs::path>& texts,
                                   const TrainedTokenizerOptions& options, JobContext& job) {
    BpeTrainingOptions training;
    training.vocabularySize = options.vocabulary;
    training.specialTokens = {options.endToken};
    VITRINE_TRY(const std::string sample, sampleOf(texts, options.sampleBytes, options.endToken));
    VITRINE_TRY(const TrainedBpe trained, trainByteLevelBpe(sample, training, job));
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        return fail(errorFromErrno(error.value(), "make the folder", folder));
    VITRINE_TRY_VOID(
        writeFileAtomically(folder / "tokenizer.json", trainedTokenizerJson(trained, training) + "\n"));
    const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                         {"bos_token", options.endToken},
                         {"eos_token", options.endToken},
                         {"clean_up_tokenization_spaces", false}};
    return writeFileAtomically(folder / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace vitrine
