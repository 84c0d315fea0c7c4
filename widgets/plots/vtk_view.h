// A VTK renderer inside a QOpenGLWidget (Debian's own VTK widget is for Qt 5): orbit with the left button,
// pan with the right, zoom with the wheel. No VTK header here.
#pragma once

#include <QOpenGLWidget>
#include <memory>

class vtkRenderer;

namespace vitrine {

class VtkView : public QOpenGLWidget {
    Q_OBJECT
  public:
    explicit VtkView(QWidget* parent = nullptr);
    ~VtkView() override;

    vtkRenderer* renderer() const;
    void resetCamera();
    // Device-independent position of a world point; z < 0 or > 1: behind the camera or clipped.
    struct Projected {
        QPointF position;
        double depth = 0;
    };
    Projected project(double x, double y, double z) const;

  signals:
    void rendered();

  protected:
    void initializeGL() override;
    void paintGL() override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    // Drawn with QPainter over the scene.
    virtual void paintOverlay(QPainter& painter) {}

  private:
    struct Private;
    std::unique_ptr<Private> d_;
};

}  // namespace vitrine
