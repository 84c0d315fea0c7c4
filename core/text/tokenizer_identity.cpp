#include "core/text/tokenizer_identity.h"

#include "core/base/hash.h"
#include "core/tokenizers/tokenizer_files.h"

namespace vitrine {

Result<std::string> tokenizerIdentity(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::path file = path;
    if (std::filesystem::is_directory(path, error)) {
        VITRINE_TRY(file, findTokenizerFile(path));
    }
    return sha256OfFile(file);
}

}  // namespace vitrine
