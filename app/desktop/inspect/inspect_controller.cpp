#include "app/desktop/inspect/inspect_controller.h"

#include "core/media/image_reader.h"

#include <algorithm>

namespace vitrine {

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

bool InspectController::isBusy() const {
    return loading_ > 0 || readingPicture_ || (engine_ && engineError_.isEmpty() && !engine_->idle()) ||
           std::any_of(contents_.begin(), contents_.end(),
                       [](const PanelContent& content) { return content.busy; });
}

}  // namespace vitrine
