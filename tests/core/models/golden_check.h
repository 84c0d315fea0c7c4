// Runs every call of a golden folder on a model and expects each output within its tolerance.
#pragma once

#include <filesystem>

namespace vitrine::testing {

// GoogleTest expectations inside; preprocessing calls are left to the tests of core/media. Also fails if the
// folder lists no call at all.
void expectMatchesReferences(const std::filesystem::path& folder);

}  // namespace vitrine::testing
