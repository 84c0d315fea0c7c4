// Files of a project, stored once per content under their SHA-256: artifacts/ab/ab12.... A file that is there
// is complete and is never changed; equal contents share one file.
#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace vitrine {

struct StoredFile {
    std::string sha256;
    int64_t bytes = 0;
};

class ArtifactStore {
  public:
    explicit ArtifactStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

    Result<StoredFile> putBytes(std::string_view content) const;
    // Copies a regular file in. `moveIn`: the caller gives the file away; it is hard-linked where the file
    // system allows, so that no byte is copied, and the original name is removed.
    Result<StoredFile> putFile(const std::filesystem::path& file, bool moveIn = false) const;

    std::filesystem::path pathOf(const std::string& sha256) const;
    bool contains(const std::string& sha256) const;
    // Whole content; NotFound if it is not stored here.
    Result<std::string> read(const std::string& sha256) const;
    Result<void> remove(const std::string& sha256) const;
    const std::filesystem::path& folder() const { return folder_; }

  private:
    std::filesystem::path folder_;
};

}  // namespace vitrine
