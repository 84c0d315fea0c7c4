#include "core/io/language_files.h"

#include "core/base/json.h"
#include "core/io/gguf.h"
#include "core/io/llama2c.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostConfigBytes = 4 << 20;

bool isLanguageFolder(const fs::path& folder) {
    static constexpr const char* kTypes[] = {"llama", "mistral",  "qwen2",
                                             "qwen3", "nemotron", "nemotron-nas"};
    std::error_code ignored;
    if (!fs::exists(folder / "config.json", ignored))
        return false;
    const auto config = readJsonFile(folder / "config.json", kMostConfigBytes);
    if (!config || !config->is_object() || !config->contains("model_type"))
        return false;
    const Json& type = (*config)["model_type"];
    return std::any_of(std::begin(kTypes), std::end(kTypes), [&](const char* each) { return type == each; });
}

}  // namespace

bool isLanguageModelPath(const fs::path& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored))
        return isLanguageFolder(path);
    if (path.extension() == ".gguf") {
        const auto source = openGguf(path);
        // Vocabularies are GGUF files without tensors.
        return source && source->tensors && !source->tensors->tensors().empty() &&
               source->metadata.contains("general.architecture");
    }
    return path.extension() == ".bin" && openLlama2c(path).has_value();
}

}  // namespace vitrine
