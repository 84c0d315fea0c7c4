#include "app/desktop/inspect/inspect_controller.h"

#include "core/media/image_reader.h"
#include "core/media/shared_image.h"
#include "core/upsampling/implicit_name.h"

#include <QTimer>
#include <algorithm>

namespace vitrine {

constexpr int kSlowReadingMs = 300;
constexpr int64_t kSlowPixels = 24'000'000;  // from here on a picture takes a noticeable time
// A picture chosen while a huge one is still being decoded does not wait for it.
constexpr size_t kReaders = 2;

InspectController::InspectController(JobList& jobs, QObject* parent)
    : QObject(parent), jobs_(jobs), reader_(std::make_unique<ThreadPool>(kReaders)) {
    announce_.setSingleShot(true);
    connect(&announce_, &QTimer::timeout, this, &InspectController::announceResults);
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

std::vector<std::string> InspectController::upsamplersFor(const PanelState& panel) const {
    std::vector<std::string> names;
    const LoadedModel* model = modelOf(panel);
    for (const UpsamplerEntry& entry : upsamplers_) {
        if (model && entry.name == kImplicitUpsampler)
            names.push_back(quickFitFor(model->info));
        names.push_back(entry.name);
    }
    if (model)
        if (const auto own = ownUpsamplers_.find(model->path); own != ownUpsamplers_.end())
            names.insert(names.end(), own->second.begin(), own->second.end());
    return names;
}

void InspectController::setPicture(const QString& path) {
    if (path == picture_)
        return;
    picture_ = path;
    loadPicture(path);
}

// A huge JPEG is shown reduced first: that takes a tenth of the time.
void InspectController::loadPicture(const QString& path) {
    const uint64_t generation = ++pictureGeneration_;
    const auto whileCurrent = [this, generation](auto show) {
        post([this, generation, show] {
            if (generation == pictureGeneration_)
                show();
        });
    };
    readingPicture_ = true;
    readingSlowly_ = false;
    reader_->clear();
    QTimer::singleShot(kSlowReadingMs, this, [this, generation] {
        if (generation != pictureGeneration_ || !readingPicture_ || readingSlowly_)
            return;
        readingSlowly_ = true;
        announceAllPanels();
    });
    reader_->submit([this, path, whileCurrent] {
        const std::filesystem::path file(path.toStdString());
        const auto header = readImageHeader(file);
        if (header && header->size.width * header->size.height >= kSlowPixels) {
            const ImageSize size = header->size;
            std::shared_ptr<const Image> preview;
            if (header->format == ImageFormat::Jpeg)
                if (auto reduced = readThumbnail(file, std::max(size.width, size.height) / 8))
                    preview = std::make_shared<const Image>(std::move(*reduced));
            whileCurrent([this, size, preview] { showReading(size, preview); });
        }
        whileCurrent([this, image = sharedImage(file)] { showRead(image); });
    });
}

void InspectController::announceAllPanels() {
    for (int index = 0; index < panelCount(); ++index)
        emit panelChanged(index);
}

void InspectController::showReading(ImageSize size, std::shared_ptr<const Image> preview) {
    readingSlowly_ = true;
    image_ = nullptr;
    pictureError_.clear();
    preview_ = std::move(preview);
    previewOf_ = size;
    emit pictureChanged();
    refreshAll();  // what the panels show belongs to another picture
}

void InspectController::showRead(const Result<std::shared_ptr<const Image>>& image) {
    readingPicture_ = readingSlowly_ = false;
    preview_ = nullptr;
    previewOf_ = {};
    pictureError_ = image ? QString() : QString::fromStdString(image.error().text());
    image_ = image ? *image : nullptr;
    if (probe_ && image_) {
        // The probe stays where it is: what it meant in the old picture is asked of the new one.
        probe_->positionInImage.x = std::min(probe_->positionInImage.x, double(image_->width()) - 0.5);
        probe_->positionInImage.y = std::min(probe_->positionInImage.y, double(image_->height()) - 0.5);
    }
    if (!pictureError_.isEmpty())
        emit failed(pictureError_);
    emit pictureChanged();
    refreshAll();
}

void InspectController::setPanelCount(int count) {
    const size_t wanted = size_t(std::clamp(count, 1, 6));
    const size_t before = panels_.size();
    for (size_t index = wanted; index < before; ++index)
        dropFit(int(index));
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
            request(index, Announce::IfSlow);
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
