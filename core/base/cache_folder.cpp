#include "core/base/cache_folder.h"

#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kTemporarySeconds = 3600;
constexpr double kBytesPerGb = 1e9, kMostGb = 100000;

}  // namespace

double secondsNow() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

Result<int64_t> cacheLimitFrom(const char* variable, double defaultGb) {
    const char* told = std::getenv(variable);
    if (!told || !*told)
        return int64_t(defaultGb * kBytesPerGb);
    char* end = nullptr;
    const double gb = std::strtod(told, &end);
    if (*end != '\0' || !(gb > 0 && gb <= kMostGb))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a number of GB above 0 and up to {}, found \"{}\"", kMostGb, told),
                    variable, "Set it to 1 for a gigabyte, or not at all");
    return int64_t(gb * kBytesPerGb);
}

Result<std::vector<CacheFile>> cacheFiles(const fs::path& folder, const std::string& extension) {
    std::vector<CacheFile> files;
    std::error_code problem, ignored;
    fs::recursive_directory_iterator at(folder, problem), end;
    for (; !problem && at != end; at.increment(problem)) {
        struct stat info {};
        if (::stat(at->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode))
            continue;
        const double used = double(info.st_mtim.tv_sec) + 1e-9 * double(info.st_mtim.tv_nsec);
        if (at->path().extension() == extension)
            files.push_back({at->path(), int64_t(info.st_size), used});
        else if (at->path().extension() == ".tmp" && secondsNow() - used > kTemporarySeconds)
            fs::remove(at->path(), ignored);
    }
    if (problem && problem.value() != ENOENT)  // another process may remove a file meanwhile
        return fail(errorFromErrno(problem.value(), "read the cache", folder));
    return files;
}

int64_t bytesOf(const std::vector<CacheFile>& files) {
    int64_t total = 0;
    for (const CacheFile& file : files)
        total += file.bytes;
    return total;
}

void markUsed(const fs::path& file) {
    ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
}

int64_t removeLongestUnused(std::vector<CacheFile> files, int64_t limitBytes, double usedSince) {
    std::sort(files.begin(), files.end(),
              [](const CacheFile& a, const CacheFile& b) { return a.used < b.used; });
    int64_t total = bytesOf(files);
    for (const CacheFile& file : files) {
        if (total <= limitBytes || file.used >= usedSince)
            break;
        std::error_code ignored;
        fs::remove(file.file, ignored);
        total -= file.bytes;
    }
    return total;
}

}  // namespace vitrine
