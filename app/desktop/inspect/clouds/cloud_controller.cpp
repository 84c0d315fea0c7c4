#include "app/desktop/inspect/clouds/cloud_controller.h"

#include "core/clouds/cloud_readers.h"
#include "core/clouds/ply_writer.h"
#include "core/media/image_reader.h"
#include "widgets/shell/job_list.h"

#include <QFileInfo>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// A scanner's points are far apart in the picture: one within this share of its width counts as hit.
constexpr double kHitShare = 0.012;
constexpr double kLeastHitRadius = 6;  // pixels

// Worker thread. `problem`: why there are no colours from the picture.
Result<LoadedCloud> load(const QString& file, JobContext& job, QString& problem) {
    VITRINE_TRY(PointCloud cloud, readPointCloud(file.toStdString(), job));
    LoadedCloud loaded;
    loaded.file = file;
    if (coloringsOf(cloud).front() == CloudColoring::Picture) {
        job.beginStage("reading its picture", 0);
        if (auto picture = readImage(*cloud.picture)) {
            loaded.picture = std::make_shared<const Image>(std::move(*picture));
        } else {
            problem = QString::fromStdString(picture.error().text());
            cloud.picture.reset();  // coloured by height instead
        }
    }
    loaded.pixels = std::make_shared<const PixelIndex>(cloud);
    loaded.points = std::make_shared<const PointCloud>(std::move(cloud));
    return loaded;
}

// Worker thread. `drawn`: what was shown of the same cloud before; the geometry is kept where it can be.
DrawnCloud drawnOf(const LoadedCloud& loaded, const CloudStyle& style, DrawnCloud drawn, QString& problem) {
    const PointCloud& cloud = *loaded.points;
    const UpAxis up = style.upFor(cloud);
    if (!drawn.geometry || drawn.up != up)
        drawn.geometry = PointCloudView::prepare(loaded.points, up);
    drawn.up = up;
    drawn.style = style;
    CloudColorOptions options = style.optionsFor(cloud);
    auto colors = colorsOf(cloud, loaded.picture.get(), options);
    if (!colors) {
        problem = QString::fromStdString(colors.error().text());
        options.coloring = CloudColoring::Height;  // every cloud has it
        colors = colorsOf(cloud, nullptr, options);
    }
    drawn.colors = std::make_shared<const CloudColors>(std::move(*colors));
    return drawn;
}

}  // namespace

CloudController::CloudController(JobList& jobs, QObject* parent) : QObject(parent), jobs_(jobs) {
    worker_.submit([] { (void)pointCloudReaders(); });  // loads the plugins before they are needed
}

CloudController::~CloudController() {
    stopReading_.request_stop();
    worker_.clear();
}

void CloudController::post(std::function<void()> finish) {
    QMetaObject::invokeMethod(this, std::move(finish), Qt::QueuedConnection);
}

void CloudController::open(const QString& file) {
    want(file, false);
}

// Whether a picture has a cloud is asked of the file system: not here.
void CloudController::setPicture(const QString& picture) {
    const uint64_t request = ++pictureRequest_;
    ++pending_;
    worker_.submit([this, picture, request] {
        const auto cloud = picture.isEmpty() ? std::nullopt : cloudOfPicture(picture.toStdString());
        post([this, request, file = cloud ? QString::fromStdString(cloud->string()) : QString()] {
            --pending_;
            if (request != pictureRequest_)
                return;
            fileOfPicture_ = file;
            if (!file.isEmpty())
                want(file, true);
            else if (followsPicture_)
                want({}, true);
            emit linkChanged();
        });
    });
}

void CloudController::setActive(bool active) {
    active_ = active;
    if (active && !(loaded_ && loaded_->file == wanted_) && !isReading() && error_.isEmpty())
        read();
}

void CloudController::want(const QString& file, bool followsPicture) {
    followsPicture_ = followsPicture;
    if (file == wanted_ && error_.isEmpty()) {
        if (!file.isEmpty())
            emit available();
        return;
    }
    wanted_ = file;
    error_.clear();
    if (file.isEmpty() || !active_) {
        abandonRead();
        loaded_.reset();
        drawn_ = {};
        emit cloudChanged();
    }
    if (file.isEmpty())
        return;
    if (active_)
        read();
    emit available();  // may make the dock visible, which starts reading
}

void CloudController::abandonRead() {
    stopReading_.request_stop();
    ++readRequest_;
    if (job_ != 0)
        jobs_.end(job_);
    job_ = 0;
}

// What was shown stays until the new cloud is there.
void CloudController::read() {
    if (wanted_.isEmpty())
        return;
    abandonRead();
    stopReading_ = std::stop_source();
    const uint64_t request = readRequest_;
    const auto cancel = [stop = stopReading_]() mutable { stop.request_stop(); };
    const int jobNumber = job_ = jobs_.begin(tr("reading %1").arg(QFileInfo(wanted_).fileName()), cancel);
    ++pending_;
    worker_.submit(
        [this, request, file = wanted_, style = style_, jobNumber, token = stopReading_.get_token()] {
            JobContext job(token, [this, jobNumber](const Progress& progress) {
                post([this, jobNumber, progress] { jobs_.update(jobNumber, progress); });
            });
            auto problem = std::make_shared<QString>();
            auto loaded = std::make_shared<Result<LoadedCloud>>(load(file, job, *problem));
            auto drawn = std::make_shared<DrawnCloud>();
            if (*loaded && !job.stopRequested())
                *drawn = drawnOf(**loaded, style, {}, *problem);
            post([this, request, loaded, drawn, problem] {
                if (request == readRequest_ && *loaded)
                    drawn_ = *drawn;
                finishReading(request, std::move(*loaded), *problem);
            });
        });
}

void CloudController::finishReading(uint64_t request, Result<LoadedCloud> loaded, const QString& problem) {
    --pending_;
    if (request != readRequest_)
        return;
    jobs_.end(job_);
    job_ = 0;
    if (!loaded) {
        const bool cancelled = loaded.error().code == ErrorCode::Cancelled;
        error_ = cancelled ? tr("Reading was cancelled") : QString::fromStdString(loaded.error().text());
        loaded_.reset();
        drawn_ = {};
        if (!cancelled)
            emit failed(error_);
        emit cloudChanged();
        return;
    }
    loaded_ = std::make_shared<const LoadedCloud>(std::move(*loaded));
    if (!problem.isEmpty())
        emit failed(problem);
    emit cloudChanged();
    emit linkChanged();
    if (drawn_.style != style_)
        draw();
    if (!followsPicture_ && loaded_->points->picture)
        emit pictureWanted(QString::fromStdString(loaded_->points->picture->string()));
}

void CloudController::setStyle(const CloudStyle& style) {
    if (style == style_)
        return;
    style_ = style;
    draw();
}

void CloudController::draw() {
    if (!loaded_) {
        emit drawnChanged();
        return;
    }
    const uint64_t request = ++drawRequest_;
    ++pending_;
    worker_.submit([this, request, loaded = loaded_, style = style_, before = drawn_] {
        auto problem = std::make_shared<QString>();
        auto drawn = std::make_shared<DrawnCloud>(drawnOf(*loaded, style, before, *problem));
        post([this, request, loaded, drawn, problem] {
            --pending_;
            if (request != drawRequest_ || loaded != loaded_)
                return;
            drawn_ = *drawn;
            if (!problem->isEmpty())
                emit failed(*problem);
            emit drawnChanged();
        });
    });
}

// Heights as colours would be taken for the object's own: then the stored ones are written, if any.
void CloudController::savePly(const QString& file) {
    if (!loaded_)
        return;
    auto stop = std::make_shared<std::stop_source>();
    const int number =
        jobs_.begin(tr("writing %1").arg(QFileInfo(file).fileName()), [stop] { stop->request_stop(); });
    ++pending_;
    worker_.submit([this, file, stop, number, points = loaded_->points, colors = drawn_.colors] {
        JobContext job(stop->get_token(), [this, number](const Progress& progress) {
            post([this, number, progress] { jobs_.update(number, progress); });
        });
        const bool own = colors && !colors->scalar;
        auto done = std::make_shared<Result<void>>(
            writePly(file.toStdString(), *points, own ? colors->rgb : points->colors, job));
        post([this, file, number, done] {
            --pending_;
            jobs_.end(number);
            if (*done)
                emit saved(file);
            else if (done->error().code != ErrorCode::Cancelled)
                emit failed(QString::fromStdString(done->error().text()));
        });
    });
}

std::optional<QPointF> CloudController::pictureFromPoint(size_t point) const {
    if (!isLinked() || point * 2 + 1 >= loaded_->points->pixels.size())
        return std::nullopt;
    const float u = loaded_->points->pixels[point * 2], v = loaded_->points->pixels[point * 2 + 1];
    return std::isfinite(u) && std::isfinite(v) ? std::optional(QPointF(double(u) + 0.5, double(v) + 0.5))
                                                : std::nullopt;
}

std::optional<size_t> CloudController::pointFromPicture(QPointF inPicture) const {
    if (!isLinked())
        return std::nullopt;
    const double width = loaded_->points->camera ? double(loaded_->points->camera->width) : 0;
    return loaded_->pixels->nearest(inPicture.x() - 0.5, inPicture.y() - 0.5,
                                    std::max(kLeastHitRadius, width * kHitShare));
}

}  // namespace vitrine
