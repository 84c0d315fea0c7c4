// Where tests find their data. Third-party data lies outside the repository, in ../shared beside it (or in
// $VITRINE_SHARED): tests that need it skip with a reason where it is absent, and fail where CI=true and it
// is absent.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

namespace vitrine::testing {

// tests/data of this repository.
std::filesystem::path dataFolder();
// The build folder (programs under bin/, libraries under lib/).
std::filesystem::path buildFolder();
std::filesystem::path sourceFolder();
// ../shared; empty path if absent.
std::filesystem::path sharedFolder();
// True where a missing shared folder is a failure rather than a reason to skip.
bool sharedFolderIsRequired();

}  // namespace vitrine::testing

// First line of a test that needs ../shared/<relative>; defines `variable` as its path.
#define VITRINE_SHARED_DATA(variable, relative)                                                      \
    const std::filesystem::path variable = ::vitrine::testing::sharedFolder() / (relative);          \
    if (::vitrine::testing::sharedFolder().empty() || !std::filesystem::exists(variable)) {          \
        if (::vitrine::testing::sharedFolderIsRequired())                                            \
            FAIL() << "CI=true but the shared data is missing: " << (relative);                      \
        GTEST_SKIP() << "needs third-party data that is not part of the repository: " << (relative); \
    }                                                                                                \
    static_assert(true)
