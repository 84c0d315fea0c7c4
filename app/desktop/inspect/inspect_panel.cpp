#include "app/desktop/inspect/inspect_panel.h"

#include "widgets/base/elided_combo.h"

#include <QToolButton>
#include <algorithm>

namespace vitrine {

InspectPanel::InspectPanel(InspectController* controller, int index, ViewLink* link, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      index_(index),
      view_(new TileView),
      kind_(new ElidedCombo),
      model_(new ElidedCombo),
      compare_(new ElidedCombo),
      controls_(new QToolButton) {
    setObjectName(QStringLiteral("panel%1").arg(index + 1));
    view_->setObjectName(QStringLiteral("view%1").arg(index + 1));
    view_->setLink(link);
    buildHeader();
    connect(view_->overlay(), &Overlay::action, this, &InspectPanel::handleAction);
    connect(view_, &TileView::shownLayerChanged, this, [this] { view_->setOverlayModel(overlayModel()); });
    connect(view_, &TileView::cursorMoved, this, [this](QPointF inImage, bool inside) {
        cursor_ = inside ? std::optional(inImage) : std::nullopt;
        view_->setOverlayModel(overlayModel());
    });
    connect(link, &ViewLink::cursorChanged, this, [this, link] {
        cursor_ = link->cursor();
        view_->setOverlayModel(overlayModel());
    });
}

void InspectPanel::refresh() {
    refreshHeader();
    showContent();
}

std::shared_ptr<const Image> InspectPanel::shownPicture() const {
    return controller_->image() ? controller_->image() : controller_->preview();
}

Layer InspectPanel::layerOfContent() const {
    Layer layer;
    const auto image = shownPicture();
    const ImageSize size = controller_->imageSize();
    if (!image || size.width <= 0)
        return layer;
    const QRectF whole(0, 0, double(size.width), double(size.height));
    const PanelState& state = controller_->panel(index_);
    const PanelContent& content = controller_->content(index_);
    if (state.kind == MapKind::Image) {
        layer.image = image;
        layer.rectInImage = whole;
        layer.display.scalar = false;
        return layer;
    }
    if (!content.result)
        return layer;
    const MapResult& result = *content.result;
    layer.image = result.image();
    // Enlarged maps cover the picture, padding cut off; grids and the model's input cover what the model was
    // given.
    const bool enlarged = content.request.outputSize.width > 0 && content.request.upsampler != "none" &&
                          content.request.kind != MapKind::ModelInput;
    layer.rectInImage = enlarged ? whole : modelRectInImage(result.transform);
    layer.display.scalar = !result.colors;
    layer.unit = result.unit;
    return layer;
}

// Where two models differ most, by rank.
std::vector<ViewMarker> InspectPanel::rankMarkers() const {
    std::vector<ViewMarker> markers;
    if (!shownResult_)
        return markers;
    for (const RankedPatch& patch : shownResult_->ranked) {
        const QRectF box(QPointF(patch.topLeft.x, patch.topLeft.y),
                         QPointF(patch.bottomRight.x, patch.bottomRight.y));
        markers.push_back({OverlayMarker::Kind::Box,
                           {box.left(), box.center().y()},
                           box,
                           QString::number(markers.size() + 1),
                           QColor("#ffffff")});
    }
    return markers;
}

void InspectPanel::showContent() {
    const PanelContent& content = controller_->content(index_);
    const PanelState& state = controller_->panel(index_);
    if (controller_->imageSize().width > 0)
        view_->setImageSize(controller_->imageSize());
    const bool isImage = state.kind == MapKind::Image;
    const bool changed = isImage ? shownImage_ != shownPicture() || shownResult_
                                 : shownResult_ != content.result || shownImage_;
    if (changed) {
        base_ = layerOfContent();
        shownResult_ = isImage ? nullptr : content.result;
        shownImage_ = isImage ? shownPicture() : nullptr;
        shownClip_ = -1;
        view_->setMarkers(rankMarkers());
    }
    if (base_.display.scalar && shownClip_ != state.clipPercent && !base_.isEmpty()) {
        ownRange_ = content.result->distribution.range(state.clipPercent);
        shownClip_ = state.clipPercent;
    } else if (!base_.display.scalar) {
        ownRange_.reset();
    }
    Layer layer = base_;
    layer.display.colorMap = state.colorMap;
    if (const auto range = sharedRange_ && ownRange_ ? sharedRange_ : ownRange_)
        layer.display.range = *range;
    layer.display.exposure = exposure_;
    layer.display.gamma = gamma_;
    view_->setLayer(layer);
    view_->setOverlayModel(overlayModel());
    emit layerShown(index_);
}

void InspectPanel::setSecond(const Layer& layer) {
    static const CompareMode modes[] = {CompareMode::None, CompareMode::Wipe, CompareMode::Blink,
                                        CompareMode::Difference};
    const CompareMode mode = modes[size_t(controller_->panel(index_).compare)];
    view_->setSecondLayer(mode == CompareMode::None ? Layer() : layer);
    if (view_->compareMode() != mode)
        view_->setCompareMode(mode);
}

void InspectPanel::setSharedRange(std::optional<ValueRange> range) {
    if (range == sharedRange_)
        return;
    sharedRange_ = range;
    showContent();
}

void InspectPanel::handleAction(const QString& name, const QVariant& value) {
    PanelState state = controller_->panel(index_);
    const LoadedModel* model = controller_->modelOf(state);
    if (name == "layer")
        state.layer = value.toInt();
    else if (name == "resolution" && model)
        state.resolution = resolutionsOf(model->info)[size_t(value.toInt())];
    else if (name == "upsampler")
        state.upsampler = upsamplerNames()[size_t(value.toInt())];
    else if (name == "openUpsampler")
        return emit openUpsamplerRequested(index_);
    else if (name == "clip")
        state.clipPercent = value.toDouble();
    else if (name == "colorMap")
        state.colorMap = ColorMap(value.toInt());
    else if (name == "components")
        state.firstComponent = int64_t(3) * value.toInt();
    else if (name == "head")
        state.head = value.toInt();
    else if (name == "channel")
        state.channel = value.toInt();
    else if (name == "clusters")
        state.clusters = value.toInt();
    else if (name == "basisLock")
        return emit basisLockRequested(index_, value.toBool());
    else if (name == "rangeLock")
        return emit rangeLockRequested(value.toBool());
    else if (name == "exposure")
        exposure_ = value.toDouble();
    else if (name == "gamma")
        gamma_ = value.toDouble();
    if (name == "exposure" || name == "gamma")
        return showContent();
    emit stateEdited(index_, state);
}

}  // namespace vitrine
