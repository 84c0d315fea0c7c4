// A point cloud in 3-D with its boxes, the camera of its picture, a ground grid in metres, axes and a colour
// scale. Drag turns, right drag moves, the wheel zooms, a double click on a point turns around it.
#pragma once

#include "core/clouds/cloud_camera.h"
#include "core/clouds/cloud_colors.h"
#include "widgets/plots/vtk_view.h"

#include <QString>
#include <QTimer>

namespace vitrine {

class PointCloudView : public VtkView {
    Q_OBJECT
  public:
    // A cloud as it is drawn. Made on any thread: a million points take some hundredths of a second.
    struct Geometry;
    static std::shared_ptr<const Geometry> prepare(std::shared_ptr<const PointCloud> cloud, UpAxis up);

    explicit PointCloudView(QWidget* parent = nullptr);
    ~PointCloudView() override;

    // Null: nothing is shown. Colours of another cloud are dropped; the camera stays.
    void setGeometry(std::shared_ptr<const Geometry> geometry);
    // The same cloud with another upward axis: colours and markers stay.
    void replaceGeometry(std::shared_ptr<const Geometry> geometry);
    // Ignored unless they are as many as the points.
    void setColors(std::shared_ptr<const CloudColors> colors);
    void setPointSize(double pixels);  // device-independent
    void setGridVisible(bool visible);
    void setBoxesVisible(bool visible);
    void setTitle(const QString& title, const QString& subtitle);
    // Lines about the point under the cursor; the first is emphasised.
    void setReadout(const QStringList& lines);

    void showOverview();
    bool hasCamera() const;
    void showFromCamera();

    // The probed point, and the one that is under the cursor of a linked view.
    void setProbe(std::optional<size_t> point);
    void setHighlight(std::optional<size_t> point);
    std::optional<size_t> probe() const { return probe_; }
    std::optional<size_t> highlight() const { return highlight_; }

    const PointCloud* cloud() const;
    // The nearest point to the viewer within a few pixels of a position in the widget.
    std::optional<size_t> pointAt(QPointF position) const;
    // Where a point is drawn; none if it is behind the viewer.
    std::optional<QPointF> positionOf(size_t point) const;

  signals:
    void pointHovered(std::optional<size_t> point);
    void pointClicked(size_t point);

  protected:
    void paintOverlay(QPainter& painter) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    void applyView(const CloudView& view);
    void showGeometry();
    void applyTheme();
    void setHovered(std::optional<size_t> point);

    struct Scene;
    std::unique_ptr<Scene> scene_;
    std::shared_ptr<const Geometry> geometry_;
    std::shared_ptr<const CloudColors> colors_;
    std::optional<size_t> probe_, highlight_, hovered_;
    QString title_, subtitle_;
    QStringList readout_;
    bool gridVisible_ = true;
    QPointF pressed_, hoverAt_;
    QTimer hoverTimer_;  // points are looked for once per frame, not for every motion of the mouse
};

}  // namespace vitrine
