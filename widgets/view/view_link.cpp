#include "widgets/view/view_link.h"

#include <algorithm>

namespace vitrine {

constexpr double kMinScale = 1.0 / 512, kMaxScale = 256;

Camera Camera::zoomedAt(QPointF onScreen, QSizeF viewport, double factor) const {
    const QPointF anchor = imageFromScreen(onScreen, viewport);
    Camera zoomed = *this;
    zoomed.fitted = false;
    zoomed.scale = std::clamp(scale * factor, kMinScale, kMaxScale);
    zoomed.centre = anchor - (onScreen - QPointF(viewport.width() / 2, viewport.height() / 2)) / zoomed.scale;
    return zoomed;
}

Camera Camera::fit(QSizeF image, QSizeF viewport) {
    Camera camera;
    if (image.isEmpty() || viewport.isEmpty())
        return camera;
    camera.centre = QPointF(image.width() / 2, image.height() / 2);
    camera.scale = std::min(viewport.width() / image.width(), viewport.height() / image.height());
    return camera;
}

void ViewLink::setCamera(const Camera& camera) {
    if (camera == camera_)
        return;
    camera_ = camera;
    emit cameraChanged();
}

void ViewLink::setCursor(std::optional<QPointF> inImage) {
    if (inImage == cursor_)
        return;
    cursor_ = inImage;
    emit cursorChanged();
}

void ViewLink::setProbe(std::optional<QPointF> inImage) {
    if (inImage == probe_)
        return;
    probe_ = inImage;
    emit probeChanged();
}

}  // namespace vitrine
