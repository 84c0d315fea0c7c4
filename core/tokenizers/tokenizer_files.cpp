#include "core/tokenizers/tokenizer_files.h"

#include "core/base/file.h"
#include "core/io/gguf.h"
#include "core/tokenizers/sentencepiece.h"
#include "core/tokenizers/tokenizer_gguf.h"
#include "core/tokenizers/tokenizer_json.h"
#include "core/tokenizers/tokenizer_llama2c.h"
#include "core/tokenizers/vocabulary_files.h"

#include <array>
#include <cmath>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using Implementation = Tokenizer::Implementation;

constexpr std::array<const char*, 8> kNames = {
    "tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
    "tekken.json",    "vocab.json",      "vocab.txt",    "bpe_simple_vocab_16e6.txt.gz"};

constexpr size_t kMaxFileBytes = size_t(256) << 20;

// tokenizer_config.json beside `file`; an empty object where there is none.
Result<Json> readConfig(const fs::path& file) {
    const fs::path path = file.parent_path() / "tokenizer_config.json";
    std::error_code error;
    if (!fs::exists(path, error))
        return Json::object();
    VITRINE_TRY(Json json, readJsonFile(path));
    if (!json.is_object())
        return fail(ErrorCode::InvalidFile, "the file must hold an object", path.string());
    return json;
}

std::string tokenText(const Json& config, const char* key) {
    if (!config.contains(key))
        return {};
    const Json& value = config[key];
    if (value.is_object() && value.contains("content") && value["content"].is_string())
        return value["content"].get<std::string>();
    return value.is_string() ? value.get<std::string>() : std::string();
}

void applyConfig(const Json& config, Implementation& tokenizer) {
    SpecialTokenIds& special = tokenizer.special;
    const std::array<std::pair<const char*, std::optional<int64_t>*>, 7> roles = {
        {{"bos_token", &special.bos},
         {"eos_token", &special.eos},
         {"pad_token", &special.pad},
         {"unk_token", &special.unknown},
         {"cls_token", &special.cls},
         {"sep_token", &special.sep},
         {"mask_token", &special.mask}}};
    for (const auto& [key, id] : roles)
        if (const std::string token = tokenText(config, key); !token.empty())
            if (const auto found = tokenizer.tokenToId(token))
                *id = found;
    // "No limit" is written as a number around 1e30.
    if (config.contains("model_max_length") && config["model_max_length"].is_number()) {
        const double length = config["model_max_length"].get<double>();
        if (length >= 1 && length <= 1e9)
            tokenizer.maxLength = static_cast<int64_t>(length);
    }
}

Result<std::shared_ptr<Implementation>> openSentencePiece(const fs::path& file, const Json& config) {
    VITRINE_TRY(const std::string bytes, readFile(file, kMaxFileBytes));
    VITRINE_TRY(SentencePieceModel model, parseSentencePiece(bytes, file.string()));
    // Where the configuration is silent: Llama's tokenizers put the start token in front, T5's and SigLIP's
    // the end token behind.
    const std::string kind = tokenText(config, "tokenizer_class");
    const auto flag = [&](const char* key, bool fallback) {
        return config.contains(key) && config[key].is_boolean() ? config[key].get<bool>() : fallback;
    };
    model.addBos = flag("add_bos_token", kind.starts_with("Llama") || kind.starts_with("Gemma"));
    model.addEos = flag("add_eos_token", kind.starts_with("T5") || kind.starts_with("Siglip"));
    return makeSentencePiece(std::move(model), file.string());
}

Result<std::shared_ptr<Implementation>> openJson(const fs::path& file, const Json& config) {
    TokenizerDefinition definition;
    if (file.filename() == "vocab.json") {
        VITRINE_TRY(definition, readVocabMerges(file, file.parent_path() / "merges.txt", config));
        return makeTokenizer(std::move(definition), file.string());
    }
    VITRINE_TRY(const std::string text, readFile(file, kMaxFileBytes));
    VITRINE_TRY(definition, parseTokenizerJson(text, file.string()));
    if (definition.json.contains("config") && definition.json.contains("vocab")) {
        VITRINE_TRY(definition, readTekken(definition.json, file.string()));
    }
    return makeTokenizer(std::move(definition), file.string());
}

Result<std::shared_ptr<Implementation>> openFile(const fs::path& file, const Json& config) {
    const std::string extension = file.extension().string();
    if (extension == ".json")
        return openJson(file, config);
    if (extension == ".model")
        return openSentencePiece(file, config);
    if (extension == ".gguf") {
        VITRINE_TRY(const GgufFile gguf, openGguf(file));
        return readGgufTokenizer(gguf.metadata, file.string());
    }
    if (extension == ".bin") {
        VITRINE_TRY(const std::string bytes, readFile(file, kMaxFileBytes));
        return readLlama2cTokenizer(bytes, file.string());
    }
    TokenizerDefinition converted;
    if (extension == ".gz" || file.filename().string().starts_with("bpe_simple_vocab")) {
        VITRINE_TRY(converted, readClipMerges(file));
    } else if (extension == ".txt") {
        VITRINE_TRY(converted, readVocabText(file, config));
    } else {
        return fail(ErrorCode::UnknownFamily,
                    fmt::format("\"{}\" is no kind of tokenizer file that is read", extension), file.string(),
                    "Known: .json, .model, .gguf, .bin (llama2.c), vocab.txt, bpe_simple_vocab_16e6.txt.gz.");
    }
    return makeTokenizer(std::move(converted), file.string());
}

}  // namespace

Result<fs::path> findTokenizerFile(const fs::path& folder) {
    std::error_code error;
    for (const char* name : kNames)
        if (fs::is_regular_file(folder / name, error) &&
            (std::string_view(name) != "vocab.json" || fs::is_regular_file(folder / "merges.txt", error)))
            return folder / name;
    std::vector<fs::path> gguf;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().extension() == ".gguf")
            gguf.push_back(entry->path());
    if (gguf.size() == 1)
        return gguf[0];
    std::string names;
    for (const char* name : kNames)
        names += (names.empty() ? "" : ", ") + std::string(name);
    return fail(ErrorCode::NotFound, "the folder holds no tokenizer", folder.string(),
                fmt::format("Looked for: {} (vocab.json with merges.txt), a single *.gguf.", names));
}

Result<Tokenizer> openTokenizer(const fs::path& path) {
    std::error_code error;
    fs::path file = path;
    if (fs::is_directory(path, error)) {
        VITRINE_TRY(file, findTokenizerFile(path));
    } else if (!fs::exists(path, error)) {
        return fail(ErrorCode::NotFound, "no such file or folder", path.string());
    }
    VITRINE_TRY(const Json config, readConfig(file));
    VITRINE_TRY(auto tokenizer, openFile(file, config));
    applyConfig(config, *tokenizer);
    tokenizer->description += fmt::format(" ({})", file.filename().string());
    return Tokenizer(std::move(tokenizer));
}

}  // namespace vitrine
