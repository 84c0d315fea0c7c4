#include "widgets/plots/vtk_view.h"

#include "widgets/base/theme.h"

#include <vtkCallbackCommand.h>
#include <vtkCamera.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkNew.h>
#include <vtkOpenGLState.h>
#include <vtkRenderer.h>

#include <QMouseEvent>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <QPainter>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr double kDegreesPerPixel = 0.4, kPoleDegrees = 2;

struct VtkView::Private {
    vtkNew<vtkGenericOpenGLRenderWindow> window;
    vtkNew<vtkRenderer> renderer;
    vtkNew<vtkCallbackCommand> context;
    QPointF last;
    std::optional<std::array<double, 3>> upright;
    bool fitted = false;  // shows everything, until the camera is moved
    QSize fittedFor;      // device pixels
};

VtkView::VtkView(QWidget* parent) : QOpenGLWidget(parent), d_(std::make_unique<Private>()) {
    QSurfaceFormat format;
    format.setVersion(3, 3);
    format.setProfile(QSurfaceFormat::CoreProfile);
    format.setDepthBufferSize(24);
    setFormat(format);
    setMinimumSize(120, 90);
    setFocusPolicy(Qt::StrongFocus);
    d_->window->SetOwnContext(false);
    d_->window->SetFrameBlitModeToNoBlit();
    d_->window->SetMultiSamples(0);
    d_->window->AddRenderer(d_->renderer);
    d_->context->SetClientData(this);
    d_->context->SetCallback([](vtkObject*, unsigned long event, void* self, void* answer) {
        auto* view = static_cast<VtkView*>(self);
        const bool current = QOpenGLContext::currentContext() == view->context();
        // makeCurrent() binds the widget's framebuffer too: VTK asks for it while it fills in one of its own,
        // which would then go into the widget's and make it unusable.
        if (event == vtkCommand::WindowMakeCurrentEvent && !current)
            view->makeCurrent();
        else if (event == vtkCommand::WindowIsCurrentEvent)
            *static_cast<bool*>(answer) = current;
        else if (event == vtkCommand::WindowSupportsOpenGLEvent)
            *static_cast<int*>(answer) = 1;
    });
    for (const auto event : {vtkCommand::WindowMakeCurrentEvent, vtkCommand::WindowIsCurrentEvent,
                             vtkCommand::WindowSupportsOpenGLEvent})
        d_->window->AddObserver(event, d_->context);
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

VtkView::~VtkView() {
    if (context()) {
        makeCurrent();
        d_->window->Finalize();
        doneCurrent();
    }
    d_->window->RemoveObserver(d_->context);
}

vtkRenderer* VtkView::renderer() const {
    return d_->renderer;
}

void VtkView::resetCamera() {
    d_->fitted = true;
    d_->fittedFor = {};  // the view may not have its size yet: again when it is drawn
    d_->renderer->ResetCamera();
    update();
}

void VtkView::cameraMoved() {
    d_->fitted = false;
    d_->renderer->ResetCameraClippingRange();
    update();
    emit cameraChanged();
}

void VtkView::lookAs(const VtkView& other) {
    vtkCamera* from = other.d_->renderer->GetActiveCamera();
    vtkCamera* camera = d_->renderer->GetActiveCamera();
    camera->SetPosition(from->GetPosition());
    camera->SetFocalPoint(from->GetFocalPoint());
    camera->SetViewUp(from->GetViewUp());
    camera->SetViewAngle(from->GetViewAngle());
    d_->fitted = false;
    d_->renderer->ResetCameraClippingRange();
    update();
}

void VtkView::setUpright(std::optional<std::array<double, 3>> up) {
    d_->upright = up;
    if (up)
        d_->renderer->GetActiveCamera()->SetViewUp(up->data());
    const bool fitted = d_->fitted;
    cameraMoved();
    d_->fitted = fitted;
}

VtkView::Projected VtkView::project(double x, double y, double z) const {
    d_->renderer->SetWorldPoint(x, y, z, 1);
    d_->renderer->WorldToDisplay();
    const double* display = d_->renderer->GetDisplayPoint();
    const double ratio = devicePixelRatioF();
    return {{display[0] / ratio, height() - display[1] / ratio}, display[2]};
}

void VtkView::initializeGL() {
    d_->window->SetReadyForRendering(true);
    d_->window->InitializeFromCurrentContext();
}

void VtkView::paintGL() {
    const QColor canvas = Theme::instance().colors().canvas;
    d_->renderer->SetBackground(canvas.redF(), canvas.greenF(), canvas.blueF());
    const QSize pixels = size() * devicePixelRatioF();
    d_->window->SetSize(pixels.width(), pixels.height());
    if (d_->fitted && d_->fittedFor != pixels) {
        d_->renderer->ResetCamera();
        d_->fittedFor = pixels;
    }
    d_->window->GetState()->Reset();
    d_->window->GetState()->Push();
    d_->window->Render();
    d_->window->GetState()->Pop();
    context()->functions()->glBindFramebuffer(GL_FRAMEBUFFER, defaultFramebufferObject());
    d_->window->BlitDisplayFramebuffer(0, 0, 0, pixels.width(), pixels.height(), 0, 0, pixels.width(),
                                       pixels.height(), GL_COLOR_BUFFER_BIT, GL_NEAREST);
    // QPainter expects the state that Qt left.
    auto* gl = context()->functions();
    gl->glDisable(GL_DEPTH_TEST);
    gl->glDisable(GL_SCISSOR_TEST);
    gl->glDisable(GL_CULL_FACE);
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    paintOverlay(painter);
    painter.end();
    emit rendered();
}

void VtkView::mousePressEvent(QMouseEvent* event) {
    d_->last = event->position();
}

void VtkView::orbit(QPointF moved) {
    vtkCamera* camera = d_->renderer->GetActiveCamera();
    if (!d_->upright) {
        camera->Azimuth(-moved.x() * kDegreesPerPixel);
        camera->Elevation(moved.y() * kDegreesPerPixel);
        camera->OrthogonalizeViewUp();
        return;
    }
    // On a turntable: the horizon stays level, the poles are not passed.
    const std::array<double, 3>& up = *d_->upright;
    camera->SetViewUp(up.data());
    camera->Azimuth(-moved.x() * kDegreesPerPixel);
    double ahead[3];
    camera->GetDirectionOfProjection(ahead);
    const double above =
        std::acos(std::clamp(ahead[0] * up[0] + ahead[1] * up[1] + ahead[2] * up[2], -1.0, 1.0)) * 180 / M_PI;
    camera->Elevation(
        std::clamp(moved.y() * kDegreesPerPixel, kPoleDegrees - above, 180 - kPoleDegrees - above));
}

void VtkView::pan(QPointF moved) {
    vtkCamera* camera = d_->renderer->GetActiveCamera();
    camera->OrthogonalizeViewUp();
    double focus[3], position[3], up[3], direction[3];
    camera->GetFocalPoint(focus);
    camera->GetPosition(position);
    camera->GetViewUp(up);
    camera->GetDirectionOfProjection(direction);
    const double right[3] = {direction[1] * up[2] - direction[2] * up[1],
                             direction[2] * up[0] - direction[0] * up[2],
                             direction[0] * up[1] - direction[1] * up[0]};
    const double perPixel =
        2 * camera->GetDistance() * std::tan(camera->GetViewAngle() * M_PI / 360) / std::max(1, height());
    for (int axis = 0; axis < 3; ++axis) {
        const double shift = (-moved.x() * right[axis] + moved.y() * up[axis]) * perPixel;
        focus[axis] += shift;
        position[axis] += shift;
    }
    camera->SetFocalPoint(focus);
    camera->SetPosition(position);
}

void VtkView::mouseMoveEvent(QMouseEvent* event) {
    const QPointF moved = event->position() - d_->last;
    d_->last = event->position();
    if (event->buttons() & Qt::LeftButton)
        orbit(moved);
    else if (event->buttons() & (Qt::RightButton | Qt::MiddleButton))
        pan(moved);
    else
        return;
    cameraMoved();
}

void VtkView::wheelEvent(QWheelEvent* event) {
    d_->renderer->GetActiveCamera()->Dolly(std::pow(1.12, event->angleDelta().y() / 120.0));
    cameraMoved();
    event->accept();
}

void VtkView::mouseDoubleClickEvent(QMouseEvent*) {
    resetCamera();
}

}  // namespace vitrine
