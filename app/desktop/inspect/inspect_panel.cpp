#include "app/desktop/inspect/inspect_panel.h"

#include "widgets/base/icons.h"

#include <QComboBox>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

QString number(double value) {
    return QString::number(value, 'g', 5);
}

// Float image of a map's scalar values.
std::shared_ptr<const Image> imageOfValues(const MapResult& result) {
    auto image = std::make_shared<Image>(result.valuesSize, 1, SampleType::F32);
    std::copy(result.values.begin(), result.values.end(), image->row<float>(0));
    return image;
}

}  // namespace

std::vector<int> resolutionsOf(const EncoderInfo& info) {
    const int preferred = int(std::min(info.preferredHeight, info.preferredWidth));
    if (info.fixedSize)
        return {preferred};
    const int64_t step = std::max<int64_t>(1, info.sizeMultiple);
    std::vector<int> sizes{preferred};
    for (const int64_t wanted :
         {96, 128, 160, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1536, 2048}) {
        const int64_t size = std::max(step, (wanted + step / 2) / step * step);
        if (info.maxSide == 0 || size <= info.maxSide)
            sizes.push_back(int(size));
    }
    std::sort(sizes.begin(), sizes.end());
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    return sizes;
}

InspectPanel::InspectPanel(InspectController* controller, int index, ViewLink* link, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      index_(index),
      view_(new TileView),
      kind_(new QComboBox),
      model_(new QComboBox),
      compare_(new QComboBox),
      controls_(new QToolButton) {
    setObjectName(QStringLiteral("panel%1").arg(index + 1));
    view_->setObjectName(QStringLiteral("view%1").arg(index + 1));
    view_->setLink(link);
    buildHeader();
    connect(view_->overlay(), &Overlay::action, this, &InspectPanel::handleAction);
    connect(view_, &TileView::cursorMoved, this, [this](QPointF inImage, bool inside) {
        cursor_ = inside ? std::optional(inImage) : std::nullopt;
        view_->setOverlayModel(overlayModel());
    });
    connect(link, &ViewLink::cursorChanged, this, [this, link] {
        cursor_ = link->cursor();
        view_->setOverlayModel(overlayModel());
    });
}

void InspectPanel::buildHeader() {
    kind_->setObjectName(QStringLiteral("kind%1").arg(index_ + 1));
    model_->setObjectName(QStringLiteral("model%1").arg(index_ + 1));
    compare_->setObjectName(QStringLiteral("compare%1").arg(index_ + 1));
    kind_->setToolTip(tr("What this viewport shows"));
    model_->setToolTip(tr("Whose features"));
    compare_->setToolTip(
        tr("Compare with another viewport: wipe (drag the line), blink (Space), difference"));
    // Six panels side by side must fit a screen of 1600 pixels: names are cut rather than panels pushed out.
    for (QComboBox* box : {kind_, model_, compare_}) {
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(5);
        box->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        box->setMaximumWidth(170);
    }
    kind_->setMaxVisibleItems(16);
    for (const MapKindName& kind : mapKinds()) {
        kind_->addItem(tr(kind.title), int(kind.kind));
        kind_->setItemData(kind_->count() - 1, tr(kind.tip), Qt::ToolTipRole);
    }
    controls_->setIcon(themedIcon("sliders"));
    controls_->setCheckable(true);
    controls_->setToolTip(tr("Layer, resolution, upsampler and colour scale  (C)"));
    controls_->setObjectName(QStringLiteral("controls%1").arg(index_ + 1));
    auto* info = new QToolButton;
    info->setIcon(themedIcon("info"));
    info->setToolTip(tr("What made this picture"));
    auto* header = new QHBoxLayout;
    header->setContentsMargins(6, 4, 6, 4);
    header->setSpacing(5);
    header->addWidget(kind_);
    header->addWidget(model_);
    header->addWidget(compare_);
    header->addStretch(1);
    header->addWidget(controls_);
    header->addWidget(info);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(header);
    layout->addWidget(view_, 1);
    connect(kind_, &QComboBox::activated, this, [this] {
        PanelState state = controller_->panel(index_);
        state.kind = MapKind(kind_->currentData().toInt());
        emit stateEdited(index_, state);
    });
    connect(model_, &QComboBox::activated, this, [this] {
        PanelState state = controller_->panel(index_);
        state.modelPath = model_->currentData().toString().toStdString();
        state.layer = -1;
        state.resolution = 0;
        emit stateEdited(index_, state);
    });
    connect(compare_, &QComboBox::activated, this, [this] {
        PanelState state = controller_->panel(index_);
        const int code = compare_->currentData().toInt();
        state.compare = PanelCompare(code / 8);
        state.compareWith = code % 8;
        emit stateEdited(index_, state);
    });
    connect(controls_, &QToolButton::toggled, view_, &TileView::setControlsVisible);
    connect(info, &QToolButton::clicked, this, [this] { emit provenanceRequested(index_); });
}

void InspectPanel::refreshHeader() {
    const PanelState& state = controller_->panel(index_);
    kind_->setCurrentIndex(kind_->findData(int(state.kind)));
    model_->clear();
    for (const LoadedModel& model : controller_->models())
        model_->addItem(QFileInfo(QString::fromStdString(model.path)).fileName(),
                        QString::fromStdString(model.path));
    const LoadedModel* model = controller_->modelOf(state);
    if (model)
        model_->setCurrentIndex(model_->findData(QString::fromStdString(model->path)));
    model_->setVisible(mapKindName(state.kind).needsModel && model);
    compare_->clear();
    compare_->addItem(tr("No compare"), 0);
    const char* const names[] = {"", "Wipe", "Blink", "Difference"};
    for (int mode = 1; mode <= 3; ++mode)
        for (int other = 0; other < controller_->panelCount(); ++other)
            if (other != index_)
                compare_->addItem(tr("%1 with %2").arg(tr(names[mode])).arg(other + 1), mode * 8 + other);
    compare_->setCurrentIndex(std::max(0, compare_->findData(int(state.compare) * 8 + state.compareWith)));
    compare_->setVisible(controller_->panelCount() > 1);
}

void InspectPanel::refresh() {
    refreshHeader();
    showContent();
}

Layer InspectPanel::layerOfContent() const {
    Layer layer;
    const auto image = controller_->image();
    if (!image)
        return layer;
    const QRectF whole(0, 0, double(image->width()), double(image->height()));
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
    layer.image = result.colors ? result.colors : imageOfValues(result);
    // Enlarged maps cover the picture, padding cut off; grids and the model's input cover what the model was
    // given.
    const bool enlarged = content.request.outputSize.width > 0 &&
                          content.request.upsampler != Upsampler::None &&
                          content.request.kind != MapKind::ModelInput;
    layer.rectInImage = enlarged ? whole : modelRectInImage(result.transform);
    layer.display.scalar = !result.colors;
    layer.unit = result.unit;
    return layer;
}

void InspectPanel::showContent() {
    const PanelContent& content = controller_->content(index_);
    const PanelState& state = controller_->panel(index_);
    if (controller_->image())
        view_->setImageSize(controller_->image()->size());
    const bool isImage = state.kind == MapKind::Image;
    const bool changed = isImage ? shownImage_ != controller_->image() || shownResult_
                                 : shownResult_ != content.result || shownImage_;
    if (changed) {
        base_ = layerOfContent();
        shownResult_ = isImage ? nullptr : content.result;
        shownImage_ = isImage ? controller_->image() : nullptr;
        shownClip_ = -1;
    }
    if (base_.display.scalar && shownClip_ != state.clipPercent && !base_.isEmpty()) {
        ownRange_ = percentileRange(*base_.image, state.clipPercent);
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

OverlayModel InspectPanel::overlayModel() const {
    const PanelState& state = controller_->panel(index_);
    const PanelContent& content = controller_->content(index_);
    const MapKindName& kind = mapKindName(state.kind);
    OverlayModel model;
    model.title = QStringLiteral("%1  %2").arg(index_ + 1).arg(tr(kind.title));
    if (state.kind == MapKind::Pca)
        model.title += QStringLiteral(" %1–%2").arg(state.firstComponent + 1).arg(state.firstComponent + 3);
    model.busy = content.busy;
    model.error = content.error;
    model.hint = content.hint;
    if (const auto image = controller_->image(); image && state.kind == MapKind::Image) {
        static const char* const types[] = {"8 bit", "16 bit", "float"};
        model.subtitle = QStringLiteral("%1×%2 px · %3 · %4 ch")
                             .arg(image->width())
                             .arg(image->height())
                             .arg(types[size_t(image->sampleType())])
                             .arg(image->channels());
        model.hasExposure = image->sampleType() == SampleType::F32;
    }
    model.exposure = exposure_;
    model.gamma = gamma_;
    const LoadedModel* loaded = controller_->modelOf(state);
    if (kind.needsModel && loaded) {
        model.hasControls = true;
        model.layer = int(state.layer);
        model.layerCount = int(loaded->info.layerCount);
        model.resolutions = resolutionsOf(loaded->info);
        const int wanted = state.resolution > 0
                               ? int(state.resolution)
                               : int(std::min(loaded->info.preferredHeight, loaded->info.preferredWidth));
        const auto nearest =
            std::min_element(model.resolutions.begin(), model.resolutions.end(),
                             [&](int a, int b) { return std::abs(a - wanted) < std::abs(b - wanted); });
        model.resolution = int(nearest - model.resolutions.begin());
        for (const char* title : upsamplerTitles())
            model.upsamplers.append(tr(title));
        model.upsampler = int(state.upsampler);
        model.hasBasis = state.kind == MapKind::Pca;
        model.basisLocked = controller_->basisLocked();
        if (content.result) {
            const ImageTransform& transform = content.result->transform;
            model.subtitle =
                tr("%1 · %2 · %3×%4 patches · %5 ms")
                    .arg(QFileInfo(QString::fromStdString(loaded->path)).fileName(),
                         state.layer < 0 ? tr("final features") : tr("layer %1").arg(state.layer))
                    .arg(transform.gridWidth())
                    .arg(transform.gridHeight())
                    .arg(content.result->milliseconds, 0, 'f', content.result->milliseconds < 10 ? 1 : 0);
        }
    }
    const Layer& layer = view_->layer();
    model.hasScale = kind.scalar && !layer.isEmpty() && layer.display.scalar;
    model.unit = QString::fromStdString(layer.unit);
    model.colorMap = state.colorMap;
    model.range = layer.display.range;
    model.clipPercent = state.clipPercent;
    model.rangeLocked = sharedRange_.has_value();
    if (cursor_)
        model.readout = readoutAt(*cursor_);
    return model;
}

QStringList InspectPanel::readoutAt(QPointF inImage) const {
    QStringList lines;
    const Layer& layer = view_->shownLayer();
    QString head =
        QStringLiteral("x %1  y %2").arg(int(std::floor(inImage.x()))).arg(int(std::floor(inImage.y())));
    if (!layer.isEmpty()) {
        const QPointF at = layer.layerFromImage(inImage);
        const int64_t x = int64_t(std::floor(at.x())), y = int64_t(std::floor(at.y()));
        if (x >= 0 && y >= 0 && x < layer.image->width() && y < layer.image->height()) {
            QStringList values;
            for (int channel = 0; channel < layer.image->channels(); ++channel)
                values.append(number(layer.image->value(x, y, channel)));
            head += "   " + values.join(' ');
            if (!layer.unit.empty())
                head += " " + QString::fromStdString(layer.unit);
        }
    }
    lines.append(head);
    if (shownResult_ && mapKindName(controller_->panel(index_).kind).needsModel) {
        const ImageTransform& transform = shownResult_->transform;
        const Point2 patch = transform.patchFromImage({inImage.x(), inImage.y()});
        const auto token = transform.tokenFromImage({inImage.x(), inImage.y()});
        lines.append(token ? QStringLiteral("patch %1, %2   token %3")
                                 .arg(int(std::floor(patch.x)))
                                 .arg(int(std::floor(patch.y)))
                                 .arg(*token)
                           : tr("outside the model's input"));
        if (!shownResult_->probeFeatures.empty()) {
            QStringList values;
            for (size_t i = 0; i < std::min<size_t>(4, shownResult_->probeFeatures.size()); ++i)
                values.append(QString::number(double(shownResult_->probeFeatures[i]), 'f', 3));
            lines.append(tr("probe [%1 …]").arg(values.join(", ")));
        }
    }
    return lines;
}

void InspectPanel::handleAction(const QString& name, const QVariant& value) {
    PanelState state = controller_->panel(index_);
    const LoadedModel* model = controller_->modelOf(state);
    if (name == "layer")
        state.layer = value.toInt();
    else if (name == "resolution" && model)
        state.resolution = resolutionsOf(model->info)[size_t(value.toInt())];
    else if (name == "upsampler")
        state.upsampler = Upsampler(value.toInt());
    else if (name == "clip")
        state.clipPercent = value.toDouble();
    else if (name == "colorMap")
        state.colorMap = ColorMap(value.toInt());
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
