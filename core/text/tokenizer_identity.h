// What tells one tokenizer from another: results in tokens are compared only where it is the same.
#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string>

namespace vitrine {

// SHA-256 of the file that openTokenizer reads for `path` (a file or a model folder).
Result<std::string> tokenizerIdentity(const std::filesystem::path& path);

}  // namespace vitrine
