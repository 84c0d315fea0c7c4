// Mouse and keys of a TileView.
#include "widgets/view/tile_view_private.h"

#include <QMouseEvent>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr double kDragThreshold = 4;
constexpr double kWipeGrab = 12;

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

}  // namespace vitrine
