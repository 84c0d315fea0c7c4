// What a TileView draws: layers, markers, values inside magnified pixels.
#include "widgets/base/theme.h"
#include "widgets/view/tile_view_private.h"

#include <QElapsedTimer>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr double kValuesFromSide = 64;  // of a layer pixel, in device-independent pixels
constexpr size_t kKeptFrameTimes = 2000;

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
    d_->probeTimer.stop();  // this frame shows the mark
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
    if (side < kValuesFromSide * devicePixelRatioF())
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

}  // namespace vitrine
