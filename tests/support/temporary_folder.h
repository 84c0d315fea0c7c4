// A fresh folder for one test, removed at its end unless the test failed (then its path is printed).
#pragma once

#include <filesystem>

namespace vitrine::testing {

class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::filesystem::path& below) const { return path_ / below; }

  private:
    std::filesystem::path path_;
};

}  // namespace vitrine::testing
