#include "widgets/gallery/thumbnail_store.h"

#include "widgets/gallery/thumbnail_cache.h"

#include <algorithm>

namespace vitrine {

constexpr int kMemoryKilobytes = 256 * 1024;

QImage toQImage(const Image& image) {
    if (image.empty())
        return {};
    const Image rgb = image.sampleType() == SampleType::U8 && image.channels() == 3 ? image : image.toRgb8();
    const QImage view(reinterpret_cast<const uchar*>(rgb.data()), int(rgb.width()), int(rgb.height()),
                      qsizetype(rgb.rowBytes()), QImage::Format_RGB888);
    return view.convertToFormat(QImage::Format_RGB32);
}

ThumbnailStore::ThumbnailStore(ThumbnailLoader loader, std::shared_ptr<ThumbnailCache> cache, int side,
                               size_t threads, QObject* parent)
    : QObject(parent),
      loader_(std::move(loader)),
      cache_(std::move(cache)),
      side_(side),
      memory_(kMemoryKilobytes),
      pool_(threads) {}

ThumbnailStore::~ThumbnailStore() {
    pool_.clear();
}

QImage ThumbnailStore::find(const QString& path) const {
    const QImage* image = memory_.object(path);
    return image ? *image : QImage();
}

// Worker thread.
ThumbnailStore::Outcome ThumbnailStore::make(const QString& path) {
    const std::filesystem::path file(path.toStdString());
    if (cache_) {
        if (QImage image = cache_->find(file, side_); !image.isNull())
            return {image, {}};
    }
    const Result<Image> loaded = loader_(file, side_);
    ++decoded_;
    if (!loaded)
        return {{}, QString::fromStdString(loaded.error().text())};
    const QImage image = toQImage(*loaded);
    if (cache_)
        cache_->keep(file, side_, image);
    return {image, {}};
}

void ThumbnailStore::request(const QStringList& paths, qsizetype visible) {
    pool_.clear();
    // A large gallery of small cells may show more than fits the usual limit: what is visible must not push
    // out what is visible.
    const qsizetype kept = visible < 0 ? paths.size() : std::min(visible, paths.size());
    memory_.setMaxCost(
        std::max<qsizetype>(kMemoryKilobytes, kept * (qsizetype(side_) * side_ * 4 / 1024 + 1)));
    int64_t priority = paths.size();
    for (const QString& path : paths) {
        if (memory_.contains(path) || errors_.contains(path))
            continue;
        {
            const std::lock_guard lock(mutex_);
            if (started_.contains(path))
                continue;
        }
        pool_.submit(
            [this, path] {
                {
                    const std::lock_guard lock(mutex_);
                    if (started_.contains(path))
                        return;
                    started_.insert(path);
                }
                Outcome outcome = make(path);
                QMetaObject::invokeMethod(
                    this,
                    [this, path, outcome = std::move(outcome)] {
                        if (outcome.image.isNull())
                            errors_.insert(path, outcome.error);
                        else
                            memory_.insert(path, new QImage(outcome.image),
                                           int(outcome.image.sizeInBytes() / 1024) + 1);
                        {
                            const std::lock_guard lock(mutex_);
                            started_.remove(path);
                        }
                        emit ready(path);
                    },
                    Qt::QueuedConnection);
                if (cache_)
                    cache_->makeRoom();
            },
            priority--);
    }
}

}  // namespace vitrine
