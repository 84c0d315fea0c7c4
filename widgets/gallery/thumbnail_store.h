// Thumbnails made lazily: what is visible comes first, what scrolled away is dropped before it starts.
// Finished ones are kept in memory (least recently used first out) and on disk (thumbnail_cache.h). Decoding
// is given from outside, so that this library knows no image formats.
#pragma once

#include "core/base/result.h"
#include "core/base/thread_pool.h"
#include "core/media/image.h"

#include <QCache>
#include <QHash>
#include <QImage>
#include <QObject>
#include <QSet>
#include <QStringList>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>

namespace vitrine {

// Reads a picture so that neither side is longer than `maxSide`, upright, 8-bit RGB or RGBA or grey. Called
// on worker threads.
using ThumbnailLoader = std::function<Result<Image>(const std::filesystem::path& path, int64_t maxSide)>;

QImage toQImage(const Image& image);

class ThumbnailCache;

class ThumbnailStore : public QObject {
    Q_OBJECT
  public:
    // `cache` null: nothing is kept on disk.
    ThumbnailStore(ThumbnailLoader loader, std::shared_ptr<ThumbnailCache> cache, int side = 192,
                   size_t threads = 2, QObject* parent = nullptr);
    ~ThumbnailStore() override;

    // The thumbnail if it is in memory, else a null image.
    QImage find(const QString& path) const;
    // Why there is none: the loader's message, or empty.
    QString errorOf(const QString& path) const { return errors_.value(path); }
    // What is wanted now, most urgent first; the first `visible` of them (negative: all) are kept in memory
    // whatever they take. Everything asked for before and not started is dropped.
    void request(const QStringList& paths, qsizetype visible = -1);
    int side() const { return side_; }
    // How many were decoded since the start (not read from the disk cache).
    int decodedCount() const { return decoded_; }
    void waitUntilIdle() { pool_.waitUntilIdle(); }

  signals:
    void ready(const QString& path);

  private:
    struct Outcome {
        QImage image;
        QString error;
    };
    Outcome make(const QString& path);

    ThumbnailLoader loader_;
    std::shared_ptr<ThumbnailCache> cache_;
    int side_;
    std::atomic<int> decoded_ = 0;
    mutable QCache<QString, QImage> memory_;
    QHash<QString, QString> errors_;
    std::mutex mutex_;
    QSet<QString> started_;  // guarded by mutex_: in work right now
    ThreadPool pool_;        // last: stopped before the rest is destroyed
};

}  // namespace vitrine
