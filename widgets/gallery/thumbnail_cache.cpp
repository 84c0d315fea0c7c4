#include "widgets/gallery/thumbnail_cache.h"

#include "core/base/cache_folder.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/log.h"

#include <QBuffer>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kDefaultGb = 0.5;
constexpr const char* kExtension = ".jpg";
constexpr int kJpegQuality = 88;
constexpr int64_t kPartsOfLimit = 8;  // the folder is read after each

}  // namespace

Result<int64_t> thumbnailCacheLimit() {
    return cacheLimitFrom("VITRINE_THUMBNAIL_CACHE_LIMIT", kDefaultGb);
}

ThumbnailCache::ThumbnailCache(fs::path folder, int64_t limitBytes)
    : folder_(std::move(folder)), limitBytes_(limitBytes) {}

fs::path ThumbnailCache::fileOf(const fs::path& picture, int side) const {
    std::error_code failed;
    const auto time = fs::last_write_time(picture, failed);
    const auto size = fs::file_size(picture, failed);
    if (failed)
        return {};
    return folder_ / (sha256Hex(fmt::format("{}|{}|{}|{}", picture.string(), time.time_since_epoch().count(),
                                            size, side)) +
                      kExtension);
}

QImage ThumbnailCache::find(const fs::path& picture, int side) const {
    const fs::path file = fileOf(picture, side);
    if (file.empty())
        return {};
    QImage image(QString::fromStdString(file.string()));
    if (!image.isNull())
        markUsed(file);
    return image;
}

void ThumbnailCache::keep(const fs::path& picture, int side, const QImage& thumbnail) {
    const fs::path file = fileOf(picture, side);
    QByteArray bytes;
    QBuffer buffer(&bytes);
    if (file.empty() || !buffer.open(QIODevice::WriteOnly) || !thumbnail.save(&buffer, "JPEG", kJpegQuality))
        return;
    std::error_code ignored;
    fs::create_directories(folder_, ignored);
    const auto written = writeFileAtomically(file, std::string_view(bytes.constData(), size_t(bytes.size())));
    if (written)
        untilRead_ -= bytes.size();
    else if (!warned_.exchange(true))
        log::warn("thumbnails are not kept: {}", written.error().text());
}

void ThumbnailCache::makeRoom() {
    if (untilRead_ >= 0)
        return;
    const std::unique_lock lock(reading_, std::try_to_lock);
    if (!lock)
        return;
    const int64_t part = limitBytes_ / kPartsOfLimit;
    untilRead_ = part;
    const auto files = cacheFiles(folder_, kExtension);
    if (!files) {
        log::warn("old thumbnails are not removed: {}", files.error().text());
        return;
    }
    // What is kept until it is read again fits below the limit as well.
    removeLongestUnused(*files, limitBytes_ - part);
}

}  // namespace vitrine
