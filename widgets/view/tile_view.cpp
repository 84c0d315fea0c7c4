#include "widgets/view/tile_view.h"

#include "core/base/thread_pool.h"
#include "widgets/base/theme.h"
#include "widgets/view/layer_difference.h"
#include "widgets/view/tile_pyramid.h"
#include "widgets/view/tile_renderer.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QMouseEvent>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <QPointer>
#include <algorithm>
#include <cmath>
#include <deque>

namespace vitrine {
namespace {

constexpr double kValuesFromScale = 64;  // device pixels per layer pixel
constexpr double kDragThreshold = 4;
constexpr double kWipeGrab = 12;
constexpr size_t kKeptFrameTimes = 2000;

ThreadPool& differenceWorker() {
    static ThreadPool pool(1);
    return pool;
}

}  // namespace

struct TileView::Private {
    ImageSize imageSize;
    Layer first, second, difference;
    std::shared_ptr<TilePyramid> firstPyramid, secondPyramid, differencePyramid;
    QString differenceBadge;
    uint64_t differenceRequest = 0;
    CompareMode mode = CompareMode::None;
    double wipe = 0.5;
    bool blinked = false;
    QTimer blinkTimer;
    std::vector<ViewMarker> markers;
    ViewLink ownLink;
    QPointer<ViewLink> link;
    OverlayModel model;
    Overlay overlay;
    bool controlsVisible = false;
    TileRenderer renderer;
    bool more = false;

    QPointF pressedAt, lastAt;
    bool pressed = false, dragging = false, draggingWipe = false;
    std::deque<double> frameTimes;
};

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
    setLink(nullptr);
    d_->blinkTimer.setInterval(500);
    connect(&d_->blinkTimer, &QTimer::timeout, this, [this] { setBlinked(!d_->blinked); });
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

TileView::~TileView() {
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
    d_->imageSize = size;
    update();
}

ImageSize TileView::imageSize() const {
    return d_->imageSize;
}

void TileView::setLayer(Layer layer) {
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
    update();
}

// The difference is computed off the interface thread; the latest request wins.
void TileView::updateDifference() {
    const uint64_t request = ++d_->differenceRequest;
    d_->difference = {};
    d_->differencePyramid = nullptr;
    d_->differenceBadge.clear();
    if (d_->mode != CompareMode::Difference || d_->first.isEmpty() || d_->second.isEmpty())
        return;
    differenceWorker().clear();
    differenceWorker().submit(
        [self = QPointer<TileView>(this), first = d_->first, second = d_->second, request] {
            auto result = std::make_shared<LayerDifference>(layerDifference(first, second));
            QMetaObject::invokeMethod(
                qApp,
                [self, result, request] {
                    if (!self || self->d_->differenceRequest != request)
                        return;
                    self->d_->difference = result->layer;
                    self->d_->differencePyramid = TilePyramid::of(result->layer.image);
                    self->d_->differenceBadge = tr("|A − B|  mean %1  RMS %2  max %3")
                                                    .arg(result->meanAbsolute, 0, 'g', 3)
                                                    .arg(result->rootMeanSquare, 0, 'g', 3)
                                                    .arg(result->largest, 0, 'g', 3);
                    connect(self->d_->differencePyramid.get(), &TilePyramid::changed, self.data(),
                            qOverload<>(&QWidget::update), Qt::UniqueConnection);
                    self->update();
                },
                Qt::QueuedConnection);
        });
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
    connect(d_->link, &ViewLink::probeChanged, this, qOverload<>(&QWidget::update));
    update();
}

ViewLink* TileView::link() const {
    return d_->link;
}

void TileView::setOverlayModel(OverlayModel model) {
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

void TileView::initializeGL() {
    connect(context(), &QOpenGLContext::aboutToBeDestroyed, this, &TileView::releaseGraphics,
            Qt::UniqueConnection);
    d_->renderer.initialize();
    d_->overlay.initialize(float(devicePixelRatioF()));
}

void TileView::drawLayers(const Camera& camera, QSize viewport) {
    auto* gl = context()->functions();
    d_->more = false;
    const auto draw = [&](const Layer& layer, const std::shared_ptr<TilePyramid>& pyramid) {
        if (pyramid && d_->renderer.draw(layer, pyramid, camera, viewport))
            d_->more = true;
    };
    const bool comparing = !d_->second.isEmpty();
    if (d_->mode == CompareMode::Difference && d_->differencePyramid) {
        draw(d_->difference, d_->differencePyramid);
    } else if (d_->mode == CompareMode::Wipe && comparing) {
        const int split = int(std::lround(d_->wipe * viewport.width()));
        gl->glEnable(GL_SCISSOR_TEST);
        gl->glScissor(0, 0, split, viewport.height());
        draw(d_->first, d_->firstPyramid);
        gl->glScissor(split, 0, viewport.width() - split, viewport.height());
        draw(d_->second, d_->secondPyramid);
        gl->glDisable(GL_SCISSOR_TEST);
    } else if (d_->mode == CompareMode::Blink && comparing && d_->blinked) {
        draw(d_->second, d_->secondPyramid);
    } else {
        draw(d_->first, d_->firstPyramid);
    }
}

void TileView::paintGL() {
    QElapsedTimer timer;
    timer.start();
    auto* gl = context()->functions();
    const QSize viewport = devicePixels();
    const QColor canvas = Theme::instance().colors().canvas;
    gl->glViewport(0, 0, viewport.width(), viewport.height());
    gl->glDisable(GL_DEPTH_TEST);
    gl->glDisable(GL_BLEND);
    gl->glDisable(GL_SCISSOR_TEST);
    gl->glClearColor(float(canvas.redF()), float(canvas.greenF()), float(canvas.blueF()), 1);
    gl->glClear(GL_COLOR_BUFFER_BIT);
    d_->renderer.beginFrame();
    drawLayers(camera(), viewport);
    const bool again = d_->overlay.draw(*this, overlayFrame());
    if (again || d_->more)
        QMetaObject::invokeMethod(this, qOverload<>(&QWidget::update), Qt::QueuedConnection);
    const double milliseconds = double(timer.nsecsElapsed()) / 1e6;
    d_->frameTimes.push_back(milliseconds);
    if (d_->frameTimes.size() > kKeptFrameTimes)
        d_->frameTimes.pop_front();
    emit frameDrawn(milliseconds);
}

Overlay::Frame TileView::overlayFrame() const {
    Overlay::Frame frame;
    frame.model = &d_->model;
    frame.expanded = d_->controlsVisible;
    frame.active = hasFocus();
    const bool comparing = !d_->second.isEmpty();
    if (d_->mode == CompareMode::Wipe && comparing)
        frame.wipe = d_->wipe;
    if (d_->mode == CompareMode::Blink && comparing)
        frame.badge = d_->blinked ? "B" : "A";
    if (d_->mode == CompareMode::Difference)
        frame.badge = d_->differenceBadge;
    addMarkers(frame);
    addPixelValues(frame);
    return frame;
}

void TileView::addMarkers(Overlay::Frame& frame) const {
    const ThemeColors& colors = Theme::instance().colors();
    for (const ViewMarker& marker : d_->markers) {
        OverlayMarker drawn{marker.kind, widgetFromImage(marker.position), {}, marker.label, marker.color};
        if (marker.kind == OverlayMarker::Kind::Box)
            drawn.box =
                QRectF(widgetFromImage(marker.box.topLeft()), widgetFromImage(marker.box.bottomRight()));
        frame.markers.push_back(drawn);
    }
    if (const auto probe = d_->link->probe())
        frame.markers.push_back({OverlayMarker::Kind::Probe, widgetFromImage(*probe), {}, {}, colors.accent});
    if (const auto cursor = d_->link->cursor(); cursor && !underMouse())
        frame.markers.push_back(
            {OverlayMarker::Kind::Cursor, widgetFromImage(*cursor), {}, {}, QColor("#ffffff")});
}

// Values of the channels inside each pixel once it is large enough to read them.
void TileView::addPixelValues(Overlay::Frame& frame) const {
    const Layer& layer = shownLayer();
    if (layer.isEmpty())
        return;
    const Camera now = camera();
    const Image& image = *layer.image;
    const double side = now.scale * layer.rectInImage.width() / double(image.width());
    if (side < kValuesFromScale)
        return;
    const QPointF a = layer.layerFromImage(imageFromWidget({0, 0}));
    const QPointF b = layer.layerFromImage(imageFromWidget({double(width()), double(height())}));
    const int64_t left = std::max<int64_t>(0, int64_t(std::floor(a.x())));
    const int64_t top = std::max<int64_t>(0, int64_t(std::floor(a.y())));
    const int64_t right = std::min(image.width(), int64_t(std::ceil(b.x())));
    const int64_t bottom = std::min(image.height(), int64_t(std::ceil(b.y())));
    const bool isFloat = image.sampleType() == SampleType::F32;
    const double full = image.sampleType() == SampleType::U8    ? 255
                        : image.sampleType() == SampleType::U16 ? 65535
                                                                : 1;
    constexpr double kLine = 13;
    for (int64_t y = top; y < bottom; ++y)
        for (int64_t x = left; x < right; ++x) {
            const QPointF centre = widgetFromImage(layer.imageFromLayer({double(x) + 0.5, double(y) + 0.5}));
            double luminance = 0;
            if (layer.display.scalar) {
                const Rgb8 color = colorOf(layer.display.colorMap, image.value(x, y, 0),
                                           layer.display.range.low, layer.display.range.high);
                luminance = (0.3 * color.r + 0.6 * color.g + 0.1 * color.b) / 255;
            } else {
                luminance = image.value(x, y, image.channels() >= 3 ? 1 : 0) / full;
            }
            const int channels = layer.display.scalar ? 1 : image.channels();
            for (int channel = 0; channel < channels; ++channel) {
                const double value = image.value(x, y, channel);
                frame.texts.push_back(
                    {centre + QPointF(0, (channel - (channels - 1) / 2.0) * kLine),
                     isFloat ? QString::number(value, 'g', 4) : QString::number(int64_t(value)),
                     luminance > 0.5});
            }
        }
}

bool TileView::event(QEvent* event) {
    if (d_->overlay.handleEvent(*event)) {
        const bool pressed =
            event->type() == QEvent::MouseButtonPress || event->type() == QEvent::MouseButtonRelease;
        if (pressed && isVisible()) {
            if (event->type() == QEvent::MouseButtonPress)
                setFocus(Qt::MouseFocusReason);
            repaint();  // ImGui must see press and release in frames of their own
        }
        update();
        event->accept();
        return true;
    }
    return QOpenGLWidget::event(event);
}

void TileView::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (event->button() != Qt::LeftButton && event->button() != Qt::MiddleButton)
        return;
    d_->pressed = true;
    d_->dragging = false;
    d_->pressedAt = d_->lastAt = event->position();
    d_->draggingWipe = d_->mode == CompareMode::Wipe && !d_->second.isEmpty() &&
                       std::abs(event->position().x() - d_->wipe * width()) < kWipeGrab;
}

void TileView::mouseMoveEvent(QMouseEvent* event) {
    const QPointF at = event->position();
    if (d_->pressed && !d_->dragging && (at - d_->pressedAt).manhattanLength() > kDragThreshold)
        d_->dragging = true;
    if (d_->dragging && d_->draggingWipe)
        setWipe(at.x() / std::max(1, width()));
    else if (d_->dragging)
        panBy((d_->lastAt - at) * devicePixelRatioF());
    d_->lastAt = at;
    const QPointF inImage = imageFromWidget(at);
    const bool inside = inImage.x() >= 0 && inImage.y() >= 0 && inImage.x() < double(d_->imageSize.width) &&
                        inImage.y() < double(d_->imageSize.height);
    d_->link->setCursor(inside ? std::optional(inImage) : std::nullopt);
    emit cursorMoved(inImage, inside);
}

void TileView::mouseReleaseEvent(QMouseEvent* event) {
    const bool clicked = d_->pressed && !d_->dragging && event->button() == Qt::LeftButton;
    d_->pressed = d_->dragging = d_->draggingWipe = false;
    if (!clicked)
        return;
    const QPointF inImage = imageFromWidget(event->position());
    if (inImage.x() >= 0 && inImage.y() >= 0 && inImage.x() < double(d_->imageSize.width) &&
        inImage.y() < double(d_->imageSize.height))
        emit probed(inImage);
}

void TileView::mouseDoubleClickEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton)
        d_->link->fit();
}

void TileView::wheelEvent(QWheelEvent* event) {
    const double steps = event->angleDelta().y() / 120.0;
    if (steps == 0)
        return;
    d_->link->setCamera(
        camera().zoomedAt(event->position() * devicePixelRatioF(), devicePixels(), std::pow(1.25, steps)));
    event->accept();
}

void TileView::leaveEvent(QEvent* event) {
    d_->link->setCursor(std::nullopt);
    emit cursorMoved({}, false);
    QOpenGLWidget::leaveEvent(event);
}

void TileView::panBy(QPointF devicePixels) {
    Camera moved = camera();
    moved.fitted = false;
    moved.centre += devicePixels / moved.scale;
    d_->link->setCamera(moved);
}

void TileView::keyPressEvent(QKeyEvent* event) {
    const double step = 0.1 * width() * devicePixelRatioF();
    const QPointF middle(devicePixels().width() / 2.0, devicePixels().height() / 2.0);
    switch (event->key()) {
        case Qt::Key_Left:
            return panBy({-step, 0});
        case Qt::Key_Right:
            return panBy({step, 0});
        case Qt::Key_Up:
            return panBy({0, -step});
        case Qt::Key_Down:
            return panBy({0, step});
        case Qt::Key_Plus:
        case Qt::Key_Equal:
            return d_->link->setCamera(camera().zoomedAt(middle, devicePixels(), 1.25));
        case Qt::Key_Minus:
            return d_->link->setCamera(camera().zoomedAt(middle, devicePixels(), 0.8));
        case Qt::Key_Space:  // held: the other layer
            if (!event->isAutoRepeat() && !d_->second.isEmpty()) {
                d_->blinkTimer.stop();
                d_->mode = CompareMode::Blink;
                setBlinked(true);
            }
            return;
        default:
            QOpenGLWidget::keyPressEvent(event);
    }
}

void TileView::keyReleaseEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Space && !event->isAutoRepeat() && d_->mode == CompareMode::Blink)
        return setBlinked(false);
    QOpenGLWidget::keyReleaseEvent(event);
}

void TileView::focusInEvent(QFocusEvent* event) {
    emit activated();
    update();
    QOpenGLWidget::focusInEvent(event);
}

void TileView::focusOutEvent(QFocusEvent* event) {
    update();
    QOpenGLWidget::focusOutEvent(event);
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
