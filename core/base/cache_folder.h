// Files of a cache that several processes share, in folders of the disk: the time of a file's last change
// tells when it was used last, and what was used longest ago goes first.
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace vitrine {

struct CacheFile {
    std::filesystem::path file;
    int64_t bytes = 0;
    double used = 0;  // seconds since 1970
};

double secondsNow();  // since 1970, as `used`

// Bytes that a cache may take: the environment variable in GB, else `defaultGb`. InvalidArgument where that
// is no number above 0.
Result<int64_t> cacheLimitFrom(const char* variable, double defaultGb);

// Every file with this extension (".features") below the folder; none where there is no such folder.
// Temporary files that were not touched for an hour are removed: their writer is dead.
Result<std::vector<CacheFile>> cacheFiles(const std::filesystem::path& folder, const std::string& extension);
int64_t bytesOf(const std::vector<CacheFile>& files);

// Marks the file as used now.
void markUsed(const std::filesystem::path& file);

// Removes files, those that were used longest ago first, until at most `limitBytes` are left or all that is
// left was used at `usedSince` or later. Returns the bytes left.
int64_t removeLongestUnused(std::vector<CacheFile> files, int64_t limitBytes,
                            double usedSince = std::numeric_limits<double>::infinity());

}  // namespace vitrine
