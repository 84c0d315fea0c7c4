#include "core/base/thread_pool.h"
#include "widgets/base/theme.h"
#include "widgets/view/layer_difference.h"
#include "widgets/view/tile_view_private.h"

#include <QApplication>
#include <QOpenGLContext>
#include <algorithm>

namespace vitrine {

// A probe's mark waits so long for the map that the probe asked for: one frame shows both. Drawing it at once
// and again with the map would take the cores from making the map.
constexpr int kProbeWaitMs = 70;
namespace {

ThreadPool& differenceWorker() {
    static ThreadPool pool(1);
    return pool;
}

bool sameSamples(const Layer& a, const Layer& b) {
    return a.image == b.image && a.rectInImage == b.rectInImage;
}

}  // namespace

TileView::TileView(QWidget* parent) : QOpenGLWidget(parent), d_(std::make_unique<Private>()) {
    QSurfaceFormat format;
    format.setVersion(3, 3);
    format.setProfile(QSurfaceFormat::CoreProfile);
    format.setDepthBufferSize(0);
    format.setStencilBufferSize(0);
    setFormat(format);
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setMinimumSize(120, 90);
    d_->probeTimer.setSingleShot(true);
    d_->probeTimer.setInterval(kProbeWaitMs);
    connect(&d_->probeTimer, &QTimer::timeout, this, qOverload<>(&QWidget::update));
    setLink(nullptr);
    d_->blinkTimer.setInterval(500);
    connect(&d_->blinkTimer, &QTimer::timeout, this, [this] { setBlinked(!d_->blinked); });
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

TileView::~TileView() {
    ++*d_->differenceRequest;
    // The context goes after the members: its last signal must not reach them.
    if (context())
        disconnect(context(), nullptr, this, nullptr);
    releaseGraphics();
}

void TileView::releaseGraphics() {
    if (!context())
        return;
    makeCurrent();
    d_->renderer.release();
    d_->overlay.release();
    doneCurrent();
}

void TileView::setImageSize(ImageSize size) {
    if (size == d_->imageSize)
        return;
    d_->imageSize = size;
    update();
}

ImageSize TileView::imageSize() const {
    return d_->imageSize;
}

// Whoever owns the view sets everything anew whenever something about any view changes: what is the same is
// not drawn again, as each frame of software rendering takes its time.
void TileView::setLayer(Layer layer) {
    if (layer == d_->first)
        return;
    if (layer.image != d_->first.image) {
        d_->firstPyramid = layer.isEmpty() ? nullptr : TilePyramid::of(layer.image);
        if (d_->firstPyramid)
            connect(d_->firstPyramid.get(), &TilePyramid::changed, this, qOverload<>(&QWidget::update),
                    Qt::UniqueConnection);
    }
    d_->first = std::move(layer);
    updateDifference();
    update();
}

void TileView::setSecondLayer(Layer layer) {
    if (layer == d_->second)
        return;
    if (layer.image != d_->second.image) {
        d_->secondPyramid = layer.isEmpty() ? nullptr : TilePyramid::of(layer.image);
        if (d_->secondPyramid)
            connect(d_->secondPyramid.get(), &TilePyramid::changed, this, qOverload<>(&QWidget::update),
                    Qt::UniqueConnection);
    }
    d_->second = std::move(layer);
    updateDifference();
    update();
}

const Layer& TileView::layer() const {
    return d_->first;
}
const Layer& TileView::secondLayer() const {
    return d_->second;
}
const Layer& TileView::shownLayer() const {
    if (d_->mode == CompareMode::Difference && !d_->difference.isEmpty())
        return d_->difference;
    return d_->mode == CompareMode::Blink && d_->blinked && !d_->second.isEmpty() ? d_->second : d_->first;
}

void TileView::setCompareMode(CompareMode mode) {
    d_->mode = mode;
    d_->blinked = false;
    if (mode == CompareMode::Blink)
        d_->blinkTimer.start();
    else
        d_->blinkTimer.stop();
    updateDifference();
    emit compareModeChanged();
    emit shownLayerChanged();
    update();
}

CompareMode TileView::compareMode() const {
    return d_->mode;
}

void TileView::setWipe(double position) {
    d_->wipe = std::clamp(position, 0.0, 1.0);
    update();
}

double TileView::wipe() const {
    return d_->wipe;
}

void TileView::setBlinked(bool second) {
    d_->blinked = second;
    emit shownLayerChanged();
    update();
}

// The difference is computed off the interface thread; the latest request of this view wins. Layers are set
// anew whenever something about any view changes: what was asked for already is not asked for again.
void TileView::updateDifference() {
    const bool wanted = d_->mode == CompareMode::Difference && !d_->first.isEmpty() && !d_->second.isEmpty();
    if (wanted && sameSamples(d_->first, d_->differenceFirst) &&
        sameSamples(d_->second, d_->differenceSecond))
        return;
    const uint64_t request = ++*d_->differenceRequest;
    d_->difference = {};
    d_->differencePyramid = nullptr;
    d_->differenceBadge.clear();
    d_->differenceFirst = wanted ? d_->first : Layer();
    d_->differenceSecond = wanted ? d_->second : Layer();
    if (!wanted)
        return;
    differenceWorker().submit([self = QPointer<TileView>(this), first = d_->first, second = d_->second,
                               request, latest = d_->differenceRequest] {
        if (*latest != request)
            return;
        auto result = std::make_shared<LayerDifference>(layerDifference(first, second));
        QMetaObject::invokeMethod(
            qApp,
            [self, result, request] {
                if (self && *self->d_->differenceRequest == request)
                    self->showDifference(*result);
            },
            Qt::QueuedConnection);
    });
}

void TileView::showDifference(const LayerDifference& difference) {
    d_->difference = difference.layer;
    d_->differencePyramid = TilePyramid::of(difference.layer.image);
    d_->differenceBadge = tr("|A − B|  mean %1  RMS %2  max %3")
                              .arg(difference.meanAbsolute, 0, 'g', 3)
                              .arg(difference.rootMeanSquare, 0, 'g', 3)
                              .arg(difference.largest, 0, 'g', 3);
    connect(d_->differencePyramid.get(), &TilePyramid::changed, this, qOverload<>(&QWidget::update),
            Qt::UniqueConnection);
    emit shownLayerChanged();
    update();
}

void TileView::setMarkers(std::vector<ViewMarker> markers) {
    d_->markers = std::move(markers);
    update();
}

void TileView::setLink(ViewLink* link) {
    if (d_->link)
        d_->link->disconnect(this);
    d_->link = link ? link : &d_->ownLink;
    connect(d_->link, &ViewLink::cameraChanged, this, qOverload<>(&QWidget::update));
    connect(d_->link, &ViewLink::cursorChanged, this, qOverload<>(&QWidget::update));
    connect(d_->link, &ViewLink::probeChanged, this, [this] {
        if (!d_->probeTimer.isActive())
            d_->probeTimer.start();
    });
    update();
}

ViewLink* TileView::link() const {
    return d_->link;
}

void TileView::setOverlayModel(OverlayModel model) {
    if (model == d_->model)
        return;
    d_->model = std::move(model);
    update();
}

const OverlayModel& TileView::overlayModel() const {
    return d_->model;
}

Overlay* TileView::overlay() const {
    return &d_->overlay;
}

void TileView::setControlsVisible(bool visible) {
    d_->controlsVisible = visible;
    update();
}

bool TileView::controlsVisible() const {
    return d_->controlsVisible;
}

QSize TileView::devicePixels() const {
    return size() * devicePixelRatioF();
}

Camera TileView::camera() const {
    const Camera& shared = d_->link->camera();
    if (!shared.fitted)
        return shared;
    Camera fitted =
        Camera::fit(QSizeF(double(d_->imageSize.width), double(d_->imageSize.height)), devicePixels());
    fitted.fitted = true;
    return fitted;
}

QPointF TileView::imageFromWidget(QPointF position) const {
    return camera().imageFromScreen(position * devicePixelRatioF(), devicePixels());
}

QPointF TileView::widgetFromImage(QPointF inImage) const {
    return camera().screenFromImage(inImage, devicePixels()) / devicePixelRatioF();
}

void TileView::zoomToActualPixels() {
    Camera now = camera();
    const QPointF centre(devicePixels().width() / 2.0, devicePixels().height() / 2.0);
    d_->link->setCamera(now.zoomedAt(centre, devicePixels(), 1.0 / now.scale));
}

FrameTimes TileView::frameTimes() const {
    std::vector<double> sorted(d_->frameTimes.begin(), d_->frameTimes.end());
    if (sorted.empty())
        return {};
    std::sort(sorted.begin(), sorted.end());
    return {sorted[sorted.size() / 2], sorted[std::min(sorted.size() - 1, sorted.size() * 95 / 100)],
            sorted.size()};
}

void TileView::resetFrameTimes() {
    d_->frameTimes.clear();
}

}  // namespace vitrine
