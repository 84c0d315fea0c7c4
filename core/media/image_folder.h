// Lists the pictures of a folder without opening them.
#pragma once

#include "core/base/job_context.h"
#include "core/base/result.h"

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine {

// ".png", ".jpg", ...; lower case.
const std::vector<std::string>& imageExtensions();
bool hasImageExtension(const std::filesystem::path& path);

struct ImageFolderOptions {
    bool recursive = false;
    bool hidden = false;  // names that begin with a dot
};

struct ImageFolderList {
    std::vector<std::filesystem::path> images;  // "img2" before "img10"; a folder's own pictures together
    int64_t unreadableFolders = 0;              // below the given one: left out
};

// Symbolic links are followed; a folder that was seen already is not entered again. Errors: NotFound,
// InvalidArgument (not a folder), PermissionDenied, Cancelled.
Result<ImageFolderList> listImages(const std::filesystem::path& folder,
                                   const ImageFolderOptions& options = {}, JobContext* job = nullptr);

}  // namespace vitrine
