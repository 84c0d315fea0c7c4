// A language model with the tokenizer that belongs to it.
#pragma once

#include "core/models/language/language_model.h"
#include "core/tokenizers/tokenizer.h"

#include <optional>

namespace vitrine {

struct OpenedLanguage {
    std::unique_ptr<LanguageModel> model;
    Tokenizer tokenizer;
    std::filesystem::path tokenizerPath;
    std::string tokenizerIdentity;
    std::string identity;  // ModelFolder::identity
    std::filesystem::path path;
};

// Where the tokenizer of a model lies. `tokenizer`: its file or folder, or another model file whose one is
// meant; empty: the one beside the model (in its folder, in the GGUF file itself, tok*.bin beside a llama2.c
// file). NotFound.
Result<std::filesystem::path> tokenizerOf(const std::filesystem::path& model, const std::string& tokenizer);

// `tokenizer` as above. InvalidArgument if its vocabulary is larger than the model's.
Result<OpenedLanguage> openLanguage(const std::filesystem::path& path, const std::string& tokenizer,
                                    const std::string& device, const std::string& dtype);

// What `vitrine model info` says of a language model; nothing if the folder or file holds another kind of
// model.
Result<std::optional<Json>> describeLanguageModel(const std::filesystem::path& path);

}  // namespace vitrine
