// The pictures that command arguments stand for.
#pragma once

#include "core/base/job_context.h"

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine {

struct PictureListOptions {
    bool recursive = false;  // folders below folders too
    int64_t limit = 0;       // pictures at most, evenly spread over the list; 0: all
};

// Pictures as they are named (they need not exist: who reads them says so), folders as the pictures in them,
// in natural order. InvalidArgument if there is none; errors of listing.
Result<std::vector<std::filesystem::path>> listPictures(const std::vector<std::string>& paths,
                                                        const PictureListOptions& options, JobContext* job);

}  // namespace vitrine
