// View model of the 3-D dock: which cloud, read and coloured off the interface thread, and how its points
// belong to the picture that is shown. The latest request wins. Interface thread only.
#pragma once

#include "app/desktop/inspect/clouds/cloud_style.h"
#include "core/base/thread_pool.h"
#include "core/clouds/pixel_index.h"
#include "widgets/plots/point_cloud_view.h"

#include <QObject>
#include <QPointF>
#include <stop_token>

namespace vitrine {

class JobList;

// A cloud as read, ready to be shown; never changed afterwards.
struct LoadedCloud {
    QString file;
    std::shared_ptr<const PointCloud> points;
    std::shared_ptr<const Image> picture;  // for its colours; null if not needed or not readable
    std::shared_ptr<const PixelIndex> pixels;
};

// How it is shown: made anew when the style changes.
struct DrawnCloud {
    std::shared_ptr<const PointCloudView::Geometry> geometry;
    UpAxis up = UpAxis::PlusZ;  // of the geometry
    CloudStyle style;           // that it was made for
    std::shared_ptr<const CloudColors> colors;
};

class CloudController : public QObject {
    Q_OBJECT
  public:
    explicit CloudController(JobList& jobs, QObject* parent = nullptr);
    ~CloudController() override;

    // A cloud that the user opened. It stays until another one is wanted.
    void open(const QString& file);
    // The picture that is shown: its own cloud follows, if it has one.
    void setPicture(const QString& picture);
    // Nothing is read while nobody sees it.
    void setActive(bool active);
    void setStyle(const CloudStyle& style);
    const CloudStyle& style() const { return style_; }

    // Writes the cloud as it is coloured, off the interface thread; ends with saved() or failed().
    void savePly(const QString& file);

    const QString& file() const { return wanted_; }
    // The file if it was opened by hand and belongs to no picture; goes to the session.
    QString openedFile() const { return followsPicture_ ? QString() : wanted_; }
    std::shared_ptr<const LoadedCloud> loaded() const { return loaded_; }
    const DrawnCloud& drawn() const { return drawn_; }
    const QString& error() const { return error_; }
    bool isBusy() const { return pending_ > 0; }
    bool isReading() const { return job_ != 0; }

    // Whether the points' pixels are those of the picture that is shown.
    bool isLinked() const { return loaded_ && loaded_->file == fileOfPicture_ && !loaded_->pixels->empty(); }
    // Position of a point in the picture (pixel centres at halves), and the point at a position.
    std::optional<QPointF> pictureFromPoint(size_t point) const;
    std::optional<size_t> pointFromPicture(QPointF inPicture) const;

  signals:
    void available();                            // there is a cloud to show
    void cloudChanged();                         // another cloud, or none
    void drawnChanged();                         // the same in another style
    void linkChanged();                          // isLinked() may differ
    void pictureWanted(const QString& picture);  // the cloud that was opened belongs to it
    void saved(const QString& file);
    void failed(const QString& message);

  private:
    void want(const QString& file, bool followsPicture);
    void read();
    void abandonRead();
    void draw();
    void finishReading(uint64_t request, Result<LoadedCloud> loaded, const QString& problem);
    void post(std::function<void()> finish);

    JobList& jobs_;
    QString wanted_, fileOfPicture_, error_;
    bool followsPicture_ = false, active_ = false;
    CloudStyle style_;
    std::shared_ptr<const LoadedCloud> loaded_;
    DrawnCloud drawn_;
    uint64_t readRequest_ = 0, drawRequest_ = 0, pictureRequest_ = 0;
    int pending_ = 0;  // answers that are still to come
    int job_ = 0;      // of the read in work; 0: none
    std::stop_source stopReading_;
    ThreadPool worker_{1};  // last: stopped before the rest is destroyed
};

}  // namespace vitrine
