// A VTK renderer inside a QOpenGLWidget (Debian's own VTK widget is for Qt 5): orbit with the left button,
// pan with the right or middle one, zoom with the wheel. No VTK header here.
#pragma once

#include <QImage>
#include <QOpenGLWidget>
#include <array>
#include <memory>
#include <optional>

class vtkRenderer;  // NOLINT(cppcoreguidelines-virtual-class-destructor): VTK counts its references

namespace vitrine {

class VtkView : public QOpenGLWidget {
    Q_OBJECT
  public:
    explicit VtkView(QWidget* parent = nullptr);
    ~VtkView() override;

    vtkRenderer* renderer() const;
    // Shows everything, from the direction that is looked from now.
    void resetCamera();
    // The direction that stays upright while turning; none: the view turns freely.
    void setUpright(std::optional<std::array<double, 3>> up);
    // Takes over where `other` looks from; cameraChanged() is not emitted.
    void lookAs(const VtkView& other);
    // Device-independent position of a world point; z < 0 or > 1: behind the camera or clipped.
    struct Projected {
        QPointF position;
        double depth = 0;
    };
    Projected project(double x, double y, double z) const;
    // What is shown, overlay included.
    QImage toImage() { return grabFramebuffer(); }

  signals:
    void rendered();
    void cameraChanged();  // by the user or the program

  protected:
    void initializeGL() override;
    void paintGL() override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    // Drawn with QPainter over the scene.
    virtual void paintOverlay(QPainter& painter) {}
    // The camera was moved: clipping planes follow, the view is drawn again.
    void cameraMoved();

  private:
    void orbit(QPointF moved);
    void pan(QPointF moved);

    struct Private;
    std::unique_ptr<Private> d_;
};

}  // namespace vitrine
