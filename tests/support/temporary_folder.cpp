#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace vitrine::testing {
namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "vitrine-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
        throw std::runtime_error("cannot create " + pattern);
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    if (::testing::Test::HasFailure()) {
        std::cerr << "kept for inspection: " << path_ << "\n";
        return;
    }
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

}  // namespace vitrine::testing
