// Thumbnails on disk, keyed by path, modification time, size and side of the thumbnail. All stores of all
// windows share the folder; together they stay below a limit, and those that were asked for longest ago go
// first. Called from worker threads only, several at once: everything reads or writes files.
#pragma once

#include "core/base/result.h"

#include <QImage>
#include <atomic>
#include <filesystem>
#include <mutex>

namespace vitrine {

// Bytes that all thumbnails may take: $VITRINE_THUMBNAIL_CACHE_LIMIT in GB, else 0.5 GB, which are some
// 40,000. InvalidArgument where that is no number above 0.
Result<int64_t> thumbnailCacheLimit();

class ThumbnailCache {
  public:
    ThumbnailCache(std::filesystem::path folder, int64_t limitBytes);

    // Null where there is none of this state of the file.
    QImage find(const std::filesystem::path& picture, int side) const;
    // A cache that cannot be written costs time, not correctness: a failure is logged once.
    void keep(const std::filesystem::path& picture, int side, const QImage& thumbnail);
    // Removes what is too much, if enough was kept since the folder was last read: after the first thumbnail,
    // then after each eighth of the limit. Returns at once while another thread does.
    void makeRoom();

  private:
    std::filesystem::path fileOf(const std::filesystem::path& picture, int side) const;

    std::filesystem::path folder_;
    int64_t limitBytes_;
    std::atomic<int64_t> untilRead_ = 0;  // bytes that may be kept before the folder is read again
    std::atomic<bool> warned_ = false;
    std::mutex reading_;
};

}  // namespace vitrine
