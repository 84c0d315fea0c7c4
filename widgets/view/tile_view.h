// A view of pictures and maps of any size: tiles on OpenGL, pan and zoom, one or two layers compared by wipe,
// blink or difference, markers, values inside magnified pixels, controls drawn over it. Several views of one
// ViewLink move together. It repaints only when something changed. Interface thread only.
#pragma once

#include "widgets/view/layer.h"
#include "widgets/view/overlay.h"
#include "widgets/view/view_link.h"

#include <QOpenGLWidget>
#include <QTimer>
#include <memory>
#include <vector>

namespace vitrine {

struct LayerDifference;

enum class CompareMode { None, Wipe, Blink, Difference };

// A point or box to mark, in picture coordinates.
struct ViewMarker {
    OverlayMarker::Kind kind = OverlayMarker::Kind::Match;
    QPointF position;
    QRectF box;
    QString label;
    QColor color;
};

// Durations of the last frames, in milliseconds (drawing only, without waiting).
struct FrameTimes {
    double median = 0, p95 = 0;
    size_t count = 0;
};

class TileView : public QOpenGLWidget {
    Q_OBJECT
  public:
    explicit TileView(QWidget* parent = nullptr);
    ~TileView() override;

    // The picture's size as loaded: what "fit" shows, even where a layer covers only a part of it.
    void setImageSize(ImageSize size);
    ImageSize imageSize() const;
    void setLayer(Layer layer);
    void setSecondLayer(Layer layer);  // empty: no comparison
    const Layer& layer() const;
    const Layer& secondLayer() const;
    // The layer that values are read from: the difference in that mode.
    const Layer& shownLayer() const;

    void setCompareMode(CompareMode mode);
    CompareMode compareMode() const;
    void setWipe(double position);
    double wipe() const;
    // Shows the second layer while held (blink).
    void setBlinked(bool second);

    void setMarkers(std::vector<ViewMarker> markers);
    void setLink(ViewLink* link);  // not owned; null: its own
    ViewLink* link() const;
    void setOverlayModel(OverlayModel model);
    const OverlayModel& overlayModel() const;
    Overlay* overlay() const;
    void setControlsVisible(bool visible);
    bool controlsVisible() const;

    // The camera in effect: the link's, or the fit of the picture into this view.
    Camera camera() const;
    QPointF imageFromWidget(QPointF position) const;
    QPointF widgetFromImage(QPointF inImage) const;
    void zoomToActualPixels();
    FrameTimes frameTimes() const;
    void resetFrameTimes();

  signals:
    void probed(QPointF inImage);  // clicked
    void cursorMoved(QPointF inImage, bool inside);
    void activated();  // got the keyboard
    void compareModeChanged();
    void
    shownLayerChanged();  // another layer than before: the other one while blinking, a finished difference
    void frameDrawn(double milliseconds);

  protected:
    void initializeGL() override;
    void paintGL() override;
    bool event(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void keyReleaseEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

  private:
    struct Private;
    QSize devicePixels() const;
    void drawLayers(const Camera& camera, QSize viewport);
    Overlay::Frame overlayFrame() const;
    void addPixelValues(Overlay::Frame& frame) const;
    void addMarkers(Overlay::Frame& frame) const;
    void updateDifference();
    void showDifference(const LayerDifference& difference);
    void panBy(QPointF devicePixels);
    void releaseGraphics();

    std::unique_ptr<Private> d_;
};

}  // namespace vitrine
