// What the Inspect workspace asks of the engine: a map for each panel, a locked basis. The
// latest request of a panel wins.
#include "app/desktop/inspect/inspect_controller.h"

#include <QTimer>
#include <algorithm>
#include <utility>

namespace vitrine {

constexpr int64_t kMapLongSide = 1024;
constexpr int kWorthSayingMs = 120;

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
    if (panel.upsampler != "none" && image_) {
        const double factor =
            std::min(1.0, double(kMapLongSide) / double(std::max(image_->width(), image_->height())));
        request.outputSize = {std::max<int64_t>(1, int64_t(double(image_->width()) * factor)),
                              std::max<int64_t>(1, int64_t(double(image_->height()) * factor))};
    }
    request.pca = {panel.firstComponent, lockedBasis_};
    request.probe = probe_;
    if (panel.kind == MapKind::Correspondence && probe_)
        request.other.imagePath = probe_->imagePath;
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
            request.other.modelId = other->id, request.other.imagePath = request.source.imagePath,
            request.other.square = other->info.fixedSize;
    }
    return missing.isEmpty() ? std::optional(request) : std::nullopt;
}

void InspectController::request(int index, Announce announce) {
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
            content.hint = tr("Drop pictures, a folder, a model or a point cloud here, or press Ctrl+O");
        if (engine_)
            engine_->cancel(lane);
        dropFit(index);
        emit panelChanged(index);
        return;
    }
    QString missing;
    const auto wanted = requestFor(index, missing);
    if (!wanted) {
        content.result = nullptr;
        content.hint = missing;
        dropFit(index);
        emit panelChanged(index);
        return;
    }
    if (!fitIsThere(index, *wanted))
        return;
    content.busy = true;
    if (announce == Announce::AtOnce) {
        emit panelChanged(index);
    } else {
        QTimer::singleShot(kWorthSayingMs, this, [this, index, generation] {
            if (index < panelCount() && generations_[size_t(index)] == generation &&
                contents_[size_t(index)].busy)
                emit panelChanged(index);
        });
    }
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
                            announceResult(index);
                        });
                    });
}

void InspectController::announceResult(int index) {
    constexpr int kTogetherMs = 50;
    finished_.insert(index);
    const bool more = std::any_of(contents_.begin(), contents_.end(),
                                  [](const PanelContent& content) { return content.busy; });
    if (!more)
        announceResults();
    else if (!announce_.isActive())
        announce_.start(kTogetherMs);
}

void InspectController::announceResults() {
    announce_.stop();
    for (const int index : std::exchange(finished_, {}))
        if (index < panelCount())
            emit panelChanged(index);
}

void InspectController::refreshAll() {
    for (int index = 0; index < panelCount(); ++index)
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

}  // namespace vitrine
