#include "core/engine/language_store.h"

#include "core/engine/model_store.h"
#include "core/eval/language_perplexity.h"
#include "core/io/model_folder.h"
#include "core/text/tokenizer_identity.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<fs::path> tokenizerBeside(const fs::path& model) {
    std::error_code error;
    if (fs::is_directory(model, error) || model.extension() == ".gguf")
        return model;
    if (model.extension() != ".bin")
        return model.parent_path();
    std::vector<fs::path> found;
    for (fs::directory_iterator it(model.parent_path().empty() ? "." : model.parent_path(), error), end;
         !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (name.starts_with("tok") && name.ends_with(".bin"))
            found.push_back(it->path());
    }
    if (found.size() == 1)
        return found.front();
    return fail(ErrorCode::NotFound,
                fmt::format("there {} beside the model",
                            found.empty() ? "is no tokenizer (tok*.bin)" : "are several tokenizers"),
                model.string(), "Name it with --tokenizer");
}

}  // namespace

Result<OpenedLanguage> openLanguage(const fs::path& path, const std::string& tokenizer,
                                    const std::string& device, const std::string& dtype) {
    LoadOptions options;
    VITRINE_TRY(options.device, deviceFromName(device));
    VITRINE_TRY(options.dtype, dtypeFromTorchName(dtype));
    VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
    VITRINE_TRY(std::string identity, folder.identity());
    VITRINE_TRY(auto model, loadLanguageModel(path, options));
    fs::path tokenizerPath = tokenizer;
    if (tokenizer.empty()) {
        VITRINE_TRY(tokenizerPath, tokenizerBeside(path));
    }
    VITRINE_TRY(Tokenizer opened, openTokenizer(tokenizerPath));
    VITRINE_TRY_VOID(checkVocabulary(*model, opened.vocabularySize(), tokenizerPath.string()));
    VITRINE_TRY(std::string tokenizerName, tokenizerIdentity(tokenizerPath));
    return OpenedLanguage{std::move(model),         std::move(opened),   std::move(tokenizerPath),
                          std::move(tokenizerName), std::move(identity), path};
}

}  // namespace vitrine
