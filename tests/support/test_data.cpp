#include "tests/support/test_data.h"

#include <cstdlib>

namespace vitrine::testing {
namespace fs = std::filesystem;

fs::path dataFolder() {
    return fs::path(VITRINE_SOURCE_FOLDER) / "tests" / "data";
}
fs::path buildFolder() {
    return VITRINE_BINARY_FOLDER;
}
fs::path sourceFolder() {
    return VITRINE_SOURCE_FOLDER;
}

fs::path sharedFolder() {
    const char* given = std::getenv("VITRINE_SHARED");
    const fs::path folder =
        given && *given ? fs::path(given) : fs::path(VITRINE_SOURCE_FOLDER).parent_path() / "shared";
    return fs::is_directory(folder) ? folder : fs::path();
}

bool sharedFolderIsRequired() {
    const char* ci = std::getenv("CI");
    return ci && std::string_view(ci) == "true";
}

}  // namespace vitrine::testing
