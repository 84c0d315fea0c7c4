#include "core/engine/language_store.h"

#include "core/engine/model_store.h"
#include "core/eval/language_perplexity.h"
#include "core/io/language_files.h"
#include "core/io/model_folder.h"
#include "core/text/tokenizer_identity.h"

#include <algorithm>

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
                model.string(), "Name it (--tokenizer, or \"tokenizer\" in a recipe)");
}

// "49 × Q5_0, 17 × F32, 8 × Q4_K": tensors of each type, most first.
std::string storedTypes(const TensorSource& source) {
    std::map<std::string_view, int> counts;
    for (const TensorInfo& tensor : source.tensors())
        ++counts[dtypeName(tensor.dtype)];
    std::vector<std::pair<int, std::string_view>> sorted;
    for (const auto& [name, count] : counts)
        sorted.emplace_back(-count, name);
    std::sort(sorted.begin(), sorted.end());
    std::string text;
    for (const auto& [count, name] : sorted)
        text += fmt::format("{}{} × {}", text.empty() ? "" : ", ", -count, name);
    return text;
}

uint64_t storedBytes(const TensorSource& source) {
    uint64_t bytes = 0;
    for (const TensorInfo& tensor : source.tensors())
        bytes += tensor.byteCount;
    return bytes;
}

}  // namespace

Result<fs::path> tokenizerOf(const fs::path& model, const std::string& tokenizer) {
    std::error_code ignored;
    if (tokenizer.empty())
        return tokenizerBeside(model);
    return fs::is_regular_file(tokenizer, ignored) && isLanguageModelPath(tokenizer)
               ? tokenizerBeside(tokenizer)
               : Result<fs::path>(tokenizer);
}

Result<OpenedLanguage> openLanguage(const fs::path& path, const std::string& tokenizer,
                                    const std::string& device, const std::string& dtype) {
    LoadOptions options;
    VITRINE_TRY(options.device, deviceFromName(device));
    VITRINE_TRY(options.dtype, dtypeFromTorchName(dtype));
    VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
    VITRINE_TRY(std::string identity, folder.identity());
    VITRINE_TRY(auto model, loadLanguageModel(path, options));
    VITRINE_TRY(fs::path tokenizerPath, tokenizerOf(path, tokenizer));
    VITRINE_TRY(Tokenizer opened, openTokenizer(tokenizerPath));
    VITRINE_TRY_VOID(checkVocabulary(*model, opened.vocabularySize(), tokenizerPath.string()));
    VITRINE_TRY(std::string tokenizerName, tokenizerIdentity(tokenizerPath));
    return OpenedLanguage{std::move(model),         std::move(opened),   std::move(tokenizerPath),
                          std::move(tokenizerName), std::move(identity), path};
}

Result<std::optional<Json>> describeLanguageModel(const fs::path& path) {
    VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
    const auto family = ModelFamilies::instance().recognize(folder);
    if (!family || !(isDecoderType(*family) || *family == "llama2c" || *family == "gguf"))
        return std::optional<Json>();
    VITRINE_TRY(const auto model, loadLanguageModel(path, {}));
    VITRINE_TRY(const std::string identity, folder.identity());
    const DecoderConfig& config = model->config();
    Json heads = Json::array(), keyValueHeads = Json::array(), neurons = Json::array();
    for (const LayerSettings& layer : config.layers) {
        const bool attends = layer.attention.kind == SubLayerKind::Standard;
        heads.push_back(attends ? layer.attention.queryHeads : 0);
        keyValueHeads.push_back(attends ? layer.attention.keyValueHeads : 0);
        neurons.push_back(layer.feedForward.kind == SubLayerKind::Standard ? layer.feedForward.intermediate
                                                                           : 0);
    }
    const auto briefly = [&](const Json& list) { return config.uniform() && !list.empty() ? list[0] : list; };
    return std::optional<Json>(Json{{"path", path.string()},
                                    {"identity", identity},
                                    {"family", *family},
                                    {"kind", "language model"},
                                    {"parameters", config.parameterCount()},
                                    {"storedAs", storedTypes(*folder.weights)},
                                    {"storedBytes", storedBytes(*folder.weights)},
                                    {"bytesAsFloat32", 4 * config.parameterCount()},
                                    {"layers", config.depth()},
                                    {"width", config.width},
                                    {"queryHeads", briefly(heads)},
                                    {"keyValueHeads", briefly(keyValueHeads)},
                                    {"feedForward", briefly(neurons)},
                                    {"vocabulary", config.vocabulary},
                                    {"context", config.contextLength},
                                    {"tiedEmbeddings", config.tiedEmbeddings}});
}

}  // namespace vitrine
