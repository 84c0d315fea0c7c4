// What linked views share: the camera, the cursor and the probe, all in coordinates of the picture as loaded
// (pixel centres at half-integers). Views of feature maps take part, because their layers are placed in
// picture coordinates by core/media/image_transform.h.
#pragma once

#include <QObject>
#include <QPointF>
#include <QSizeF>
#include <optional>

namespace vitrine {

struct Camera {
    QPointF centre;      // picture position in the middle of the view
    double scale = 1;    // device pixels per picture pixel
    bool fitted = true;  // each view shows the whole picture; centre and scale are then its own
    bool operator==(const Camera&) const = default;

    QPointF screenFromImage(QPointF inImage, QSizeF viewport) const {
        return (inImage - centre) * scale + QPointF(viewport.width() / 2, viewport.height() / 2);
    }
    QPointF imageFromScreen(QPointF onScreen, QSizeF viewport) const {
        return (onScreen - QPointF(viewport.width() / 2, viewport.height() / 2)) / scale + centre;
    }
    // Same picture point under `onScreen` before and after.
    Camera zoomedAt(QPointF onScreen, QSizeF viewport, double factor) const;
    static Camera fit(QSizeF image, QSizeF viewport);
};

class ViewLink : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;

    const Camera& camera() const { return camera_; }
    void setCamera(const Camera& camera);
    void fit() { setCamera({}); }

    std::optional<QPointF> cursor() const { return cursor_; }
    void setCursor(std::optional<QPointF> inImage);
    std::optional<QPointF> probe() const { return probe_; }
    void setProbe(std::optional<QPointF> inImage);

  signals:
    void cameraChanged();
    void cursorChanged();
    void probeChanged();

  private:
    Camera camera_;
    std::optional<QPointF> cursor_;
    std::optional<QPointF> probe_;
};

}  // namespace vitrine
