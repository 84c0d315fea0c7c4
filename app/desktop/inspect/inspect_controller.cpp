#include "app/desktop/inspect/inspect_controller.h"

#include "core/media/image_reader.h"
#include "widgets/shell/job_list.h"

#include <QCoreApplication>
#include <QPointer>
#include <algorithm>

namespace vitrine {

constexpr int64_t kMapLongSide = 1024;

InspectController::InspectController(JobList& jobs, QObject* parent)
    : QObject(parent), jobs_(jobs), reader_(std::make_unique<ThreadPool>(1)) {
    setPanelCount(4);
}

InspectController::~InspectController() {
    reader_->clear();
    engine_.reset();
    reader_.reset();
}

void InspectController::post(std::function<void()> finish) {
    QMetaObject::invokeMethod(this, std::move(finish), Qt::QueuedConnection);
}

void InspectController::startEngine() {
    if (engine_)
        return;
    emit engineStateChanged(tr("Engine starting…"));
    engine_ = std::make_unique<EngineThread>(
        [this](const Result<void>& ready) {
            const QString error = ready ? QString() : QString::fromStdString(ready.error().text());
            post([this, error] {
                emit engineStateChanged(error.isEmpty() ? tr("Engine ready") : tr("Engine not available"));
                if (!error.isEmpty())
                    emit failed(error);
            });
        },
        [this](const std::string& lane, const Progress& progress) {
            post([this, lane = QString::fromStdString(lane), progress] {
                if (laneJobs_.contains(lane))
                    jobs_.update(laneJobs_[lane], progress);
            });
        });
}

void InspectController::openModel(const QString& path) {
    startEngine();
    ++loading_;
    const QString lane = "model:" + path;
    laneJobs_[lane] =
        jobs_.begin(tr("loading %1").arg(path), [this, lane] { engine_->cancel(lane.toStdString()); });
    engine_->submit(lane.toStdString(), [this, lane, path](InspectEngine& engine, JobContext& job) {
        auto loaded = std::make_shared<Result<LoadedModel>>(
            engine.loadModel(path.toStdString(), "cpu", "float32", job));
        post([this, lane, path, loaded] {
            --loading_;
            jobs_.end(laneJobs_.take(lane));
            if (!*loaded) {
                emit failed(QString::fromStdString(loaded->error().text()));
                return;
            }
            (*loaded)->path = path.toStdString();
            std::erase_if(models_, [&](const LoadedModel& model) { return model.path == (*loaded)->path; });
            models_.push_back(**loaded);
            emit modelsChanged();
            refreshAll();
        });
    });
}

const LoadedModel* InspectController::modelOf(const PanelState& panel) const {
    for (const LoadedModel& model : models_)
        if (model.path == panel.modelPath)
            return &model;
    return models_.empty() ? nullptr : &models_.front();
}

void InspectController::setPicture(const QString& path) {
    if (path == picture_)
        return;
    picture_ = path;
    loadPicture(path);
}

void InspectController::loadPicture(const QString& path) {
    const uint64_t generation = ++pictureGeneration_;
    readingPicture_ = true;
    reader_->clear();
    reader_->submit([this, path, generation] {
        auto image = std::make_shared<Result<Image>>(readImage(path.toStdString()));
        post([this, path, generation, image] {
            if (generation != pictureGeneration_)
                return;
            readingPicture_ = false;
            pictureError_ = *image ? QString() : QString::fromStdString(image->error().text());
            image_ = *image ? std::make_shared<const Image>(std::move(**image)) : nullptr;
            if (probe_ && image_) {
                // The probe stays where it is: what it meant in the old picture is asked of the new one.
                probe_->positionInImage.x =
                    std::min(probe_->positionInImage.x, double(image_->width()) - 0.5);
                probe_->positionInImage.y =
                    std::min(probe_->positionInImage.y, double(image_->height()) - 0.5);
            }
            if (!pictureError_.isEmpty())
                emit failed(pictureError_);
            emit pictureChanged();
            refreshAll();
        });
    });
}

void InspectController::setPanelCount(int count) {
    const size_t wanted = size_t(std::clamp(count, 1, 6));
    const size_t before = panels_.size();
    panels_.resize(wanted);
    contents_.resize(wanted);
    generations_.resize(wanted);
    for (size_t index = before; index < wanted; ++index) {
        panels_[index] = defaultPanel(int(index));
        request(int(index));
    }
}

void InspectController::setPanel(int index, const PanelState& state) {
    if (index < 0 || index >= panelCount() || panels_[size_t(index)] == state)
        return;
    PanelState& now = panels_[size_t(index)];
    PanelState displayOnly = state;
    displayOnly.colorMap = now.colorMap;
    displayOnly.clipPercent = now.clipPercent;
    displayOnly.compare = now.compare;
    displayOnly.compareWith = now.compareWith;
    const bool sameMap = displayOnly == now;
    now = state;
    if (sameMap)
        emit panelChanged(index);
    else
        request(index);
}

std::optional<MapRequest> InspectController::requestFor(int index, QString& missing) const {
    const PanelState& panel = panels_[size_t(index)];
    const LoadedModel* model = modelOf(panel);
    if (!model) {
        missing = tr("Open a model folder (Ctrl+Shift+O) to see its features");
        return std::nullopt;
    }
    MapRequest request;
    request.kind = panel.kind;
    request.source.modelId = model->id;
    request.source.imagePath = picture_.toStdString();
    request.source.layer = std::min(panel.layer, model->info.layerCount);
    request.source.resolution = model->info.fixedSize ? 0 : panel.resolution;
    request.source.square = model->info.fixedSize;
    request.upsampler = panel.upsampler;
    if (panel.upsampler != Upsampler::None && image_) {
        const double factor =
            std::min(1.0, double(kMapLongSide) / double(std::max(image_->width(), image_->height())));
        request.outputSize = {std::max<int64_t>(1, int64_t(double(image_->width()) * factor)),
                              std::max<int64_t>(1, int64_t(double(image_->height()) * factor))};
    }
    request.pca = {panel.firstComponent, lockedBasis_};
    request.probe = probe_;
    request.head = panel.head;
    request.channel = panel.channel;
    request.clusterCount = panel.clusters;
    request.text = text_.toStdString();
    if ((panel.kind == MapKind::Similarity || panel.kind == MapKind::Correspondence) && !probe_)
        missing = tr("Click a point of the picture");
    if (panel.kind == MapKind::TextHeat && text_.isEmpty())
        missing = tr("Type what to look for into the text field");
    if (panel.kind == MapKind::Disagreement) {
        const auto other = std::find_if(models_.begin(), models_.end(),
                                        [&](const LoadedModel& each) { return each.id != model->id; });
        if (other == models_.end())
            missing = tr("Open a second model to compare with");
        else
            request.other = {other->id, request.source.imagePath};
    }
    return missing.isEmpty() ? std::optional(request) : std::nullopt;
}

void InspectController::request(int index) {
    const uint64_t generation = ++generations_[size_t(index)];
    PanelContent& content = contents_[size_t(index)];
    const std::string lane = fmt::format("panel {}", index + 1);
    content.error.clear();
    content.hint.clear();
    content.busy = false;
    if (panels_[size_t(index)].kind == MapKind::Image || !image_) {
        content.result = nullptr;
        content.error = image_ ? QString() : pictureError_;
        if (!image_ && picture_.isEmpty() && index == 0)
            content.hint = tr("Drop pictures, a folder or a model here, or press Ctrl+O");
        if (engine_)
            engine_->cancel(lane);
        emit panelChanged(index);
        return;
    }
    QString missing;
    const auto wanted = requestFor(index, missing);
    if (!wanted) {
        content.result = nullptr;
        content.hint = missing;
        emit panelChanged(index);
        return;
    }
    content.busy = true;
    emit panelChanged(index);
    engine_->submit(lane,
                    [this, index, generation, wanted = *wanted](InspectEngine& engine, JobContext& job) {
                        auto result = std::make_shared<Result<MapResult>>(engine.render(wanted, job));
                        post([this, index, generation, wanted, result] {
                            if (index >= panelCount() || generations_[size_t(index)] != generation)
                                return;
                            PanelContent& content = contents_[size_t(index)];
                            content.busy = false;
                            if (*result) {
                                content.result = std::make_shared<const MapResult>(std::move(**result));
                                content.request = wanted;
                            } else if (result->error().code != ErrorCode::Cancelled) {
                                content.result = nullptr;
                                content.error = QString::fromStdString(result->error().text());
                            }
                            emit panelChanged(index);
                        });
                    });
}

void InspectController::refreshAll() {
    for (int index = 0; index < panelCount(); ++index)
        request(index);
}

void InspectController::setProbe(std::optional<QPointF> inImage) {
    if (inImage)
        probe_ = Probe{picture_.toStdString(), {inImage->x(), inImage->y()}};
    else
        probe_.reset();
    for (int index = 0; index < panelCount(); ++index) {
        const MapKind kind = panels_[size_t(index)].kind;
        if (kind == MapKind::Similarity || kind == MapKind::Attention || kind == MapKind::Correspondence ||
            kind == MapKind::Rollout)
            request(index);
    }
}

void InspectController::setText(const QString& text) {
    if (text == text_)
        return;
    text_ = text;
    for (int index = 0; index < panelCount(); ++index)
        if (panels_[size_t(index)].kind == MapKind::TextHeat)
            request(index);
}

void InspectController::lockBasis(int panel) {
    QString missing;
    const auto wanted = requestFor(panel, missing);
    if (!wanted || !engine_) {
        emit failed(missing.isEmpty() ? tr("There is no map to take a basis from") : missing);
        return;
    }
    const std::string name = fmt::format("basis-{}", ++basisNumber_);
    engine_->submit("basis", [this, name, source = wanted->source](InspectEngine& engine, JobContext& job) {
        auto locked = std::make_shared<Result<void>>(engine.lockBasis(name, {source}, job));
        post([this, name, locked] {
            if (!*locked) {
                emit failed(QString::fromStdString(locked->error().text()));
                return;
            }
            lockedBasis_ = name;
            emit basisChanged();
            refreshAll();
        });
    });
}

void InspectController::unlockBasis() {
    lockedBasis_.clear();
    emit basisChanged();
    refreshAll();
}

bool InspectController::isBusy() const {
    return loading_ > 0 || readingPicture_ || (engine_ && !engine_->idle()) ||
           std::any_of(contents_.begin(), contents_.end(),
                       [](const PanelContent& content) { return content.busy; });
}

void InspectController::embed(const QStringList& pictures, EmbeddingCallback done) {
    if (models_.empty()) {
        emit failed(tr("Open a model first: the plot shows its summaries of the pictures"));
        return;
    }
    std::vector<std::string> paths;
    for (const QString& path : pictures)
        paths.push_back(path.toStdString());
    FeatureSource source;
    source.modelId = modelOf(panels_.front())->id;
    source.square = models_.front().info.fixedSize;
    const QString lane = "embedding";
    if (!laneJobs_.contains(lane))
        laneJobs_[lane] =
            jobs_.begin(tr("embedding pictures"), [this, lane] { engine_->cancel(lane.toStdString()); });
    engine_->submit(
        lane.toStdString(), [this, lane, source, paths, done](InspectEngine& engine, JobContext& job) {
            auto result = std::make_shared<Result<SummaryEmbedding>>(engine.embed(source, paths, 8, job));
            post([this, lane, result, done] {
                jobs_.end(laneJobs_.take(lane));
                if (!*result && result->error().code != ErrorCode::Cancelled)
                    emit failed(QString::fromStdString(result->error().text()));
                done(std::move(*result));
            });
        });
}

}  // namespace vitrine
