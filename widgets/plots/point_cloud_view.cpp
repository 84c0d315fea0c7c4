#include "widgets/plots/point_cloud_view.h"

#include "widgets/base/theme.h"
#include "widgets/plots/cloud_scene.h"

#include <vtkCamera.h>
#include <vtkMatrix4x4.h>
#include <vtkPointData.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkUnsignedCharArray.h>

#include <QMouseEvent>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kPickRadius = 7;               // device-independent pixels
constexpr size_t kMaxPicked = size_t(4) << 20;  // of more points only every n-th can be pointed at
constexpr int kHoverMs = 15;
constexpr double kClickMotion = 4;

void setColor(vtkActor* actor, const QColor& color, double opacity) {
    actor->GetProperty()->SetColor(color.redF(), color.greenF(), color.blueF());
    actor->GetProperty()->SetOpacity(opacity);
}

}  // namespace

PointCloudView::PointCloudView(QWidget* parent) : VtkView(parent), scene_(std::make_unique<Scene>()) {
    setObjectName("pointCloudView");
    setMouseTracking(true);
    setMinimumSize(160, 120);
    setToolTip(tr(
        "Drag: turn · right drag: move · wheel: zoom · click: probe · double click: turn around this point"));
    for (Scene::Part* part : {&scene_->grid, &scene_->points, &scene_->boxes, &scene_->frustum}) {
        part->actor->SetMapper(part->mapper);
        part->actor->GetProperty()->SetLighting(false);
        part->actor->VisibilityOff();
        renderer()->AddActor(part->actor);
    }
    scene_->grid.actor->UseBoundsOff();
    scene_->boxes.actor->GetProperty()->SetLineWidth(2);
    setPointSize(2);
    applyTheme();
    connect(&Theme::instance(), &Theme::changed, this, &PointCloudView::applyTheme);
    hoverTimer_.setSingleShot(true);
    hoverTimer_.setInterval(kHoverMs);
    connect(&hoverTimer_, &QTimer::timeout, this, [this] { setHovered(pointAt(hoverAt_)); });
}

PointCloudView::~PointCloudView() = default;

void PointCloudView::applyTheme() {
    const ThemeColors& colors = Theme::instance().colors();
    setColor(scene_->grid.actor, colors.secondaryText, 0.22);
    setColor(scene_->boxes.actor, colors.warning, 1);
    setColor(scene_->frustum.actor, colors.accent, 0.9);
    update();
}

void PointCloudView::setGeometry(std::shared_ptr<const Geometry> geometry) {
    geometry_ = std::move(geometry);
    colors_.reset();
    probe_.reset();
    highlight_.reset();
    hovered_.reset();
    readout_.clear();
    showGeometry();
}

void PointCloudView::replaceGeometry(std::shared_ptr<const Geometry> geometry) {
    if (geometry == geometry_)
        return;
    if (!geometry || !geometry_ || geometry->cloud != geometry_->cloud)
        return setGeometry(std::move(geometry));
    geometry_ = std::move(geometry);
    const std::shared_ptr<const CloudColors> colors = std::move(colors_);
    showGeometry();
    setColors(colors);
    showOverview();
}

void PointCloudView::showGeometry() {
    for (Scene::Part* part : {&scene_->grid, &scene_->points, &scene_->boxes, &scene_->frustum})
        part->actor->SetVisibility(geometry_ != nullptr);
    if (geometry_) {
        scene_->shownPoints = vtkSmartPointer<vtkPolyData>::New();
        scene_->shownPoints->ShallowCopy(geometry_->points);
        scene_->points.mapper->SetInputData(scene_->shownPoints);
        scene_->boxes.mapper->SetInputData(geometry_->boxes);
        scene_->frustum.mapper->SetInputData(geometry_->frustum);
        scene_->grid.mapper->SetInputData(geometry_->grid);
        scene_->grid.actor->SetVisibility(gridVisible_);
        setUpright(upVector(geometry_->up));
    }
    update();
}

void PointCloudView::setColors(std::shared_ptr<const CloudColors> colors) {
    if (!geometry_ || !colors || colors->rgb.size() != geometry_->cloud->positions.size())
        return;
    vtkNew<vtkUnsignedCharArray> scalars;  // refers to the colours, which stay with colors_
    scalars->SetNumberOfComponents(3);
    scalars->SetArray(const_cast<unsigned char*>(colors->rgb.data()), vtkIdType(colors->rgb.size()), 1);
    scene_->shownPoints->GetPointData()->SetScalars(scalars);
    scene_->shownPoints->Modified();
    colors_ = std::move(colors);
    update();
}

void PointCloudView::setPointSize(double pixels) {
    scene_->points.actor->GetProperty()->SetPointSize(float(pixels * devicePixelRatioF()));
    update();
}

void PointCloudView::setGridVisible(bool visible) {
    gridVisible_ = visible;
    scene_->grid.actor->SetVisibility(visible && geometry_);
    update();
}

void PointCloudView::setBoxesVisible(bool visible) {
    scene_->boxes.actor->SetVisibility(visible && geometry_);
    update();
}

void PointCloudView::setTitle(const QString& title, const QString& subtitle) {
    title_ = title;
    subtitle_ = subtitle;
    setAccessibleName(subtitle.isEmpty() ? title : title + ", " + subtitle);
    update();
}

void PointCloudView::setReadout(const QStringList& lines) {
    if (lines == readout_)
        return;
    readout_ = lines;
    setAccessibleDescription(lines.join(", "));
    update();
}

void PointCloudView::applyView(const CloudView& view) {
    vtkCamera* camera = renderer()->GetActiveCamera();
    camera->SetPosition(view.position.data());
    camera->SetFocalPoint(view.target.data());
    camera->SetViewUp(view.up.data());
    camera->SetViewAngle(view.verticalFieldOfView);
    cameraMoved();
}

void PointCloudView::showOverview() {
    if (geometry_)
        applyView(geometry_->overview);
}

bool PointCloudView::hasCamera() const {
    return geometry_ && geometry_->cloud->camera;
}

void PointCloudView::showFromCamera() {
    if (!hasCamera())
        return;
    const CloudCamera& taken = *geometry_->cloud->camera;
    CloudView view = viewOfCamera(taken, geometry_->medianDistance);
    // The whole picture is seen, whatever the shape of this view.
    const double aspect = double(width()) / std::max(1, height());
    const double widest = double(std::max<int64_t>(taken.width, 1)) / taken.focalX;
    if (aspect * double(taken.height) / taken.focalY < widest)
        view.verticalFieldOfView = 2 * std::atan(widest / aspect / 2) * 180 / M_PI;
    applyView(view);
}

void PointCloudView::setProbe(std::optional<size_t> point) {
    probe_ = point;
    update();
}

void PointCloudView::setHighlight(std::optional<size_t> point) {
    if (point == highlight_)
        return;
    highlight_ = point;
    update();
}

const PointCloud* PointCloudView::cloud() const {
    return geometry_ ? geometry_->cloud.get() : nullptr;
}

std::optional<size_t> PointCloudView::pointAt(QPointF position) const {
    if (!geometry_ || width() < 1 || height() < 1)
        return std::nullopt;
    const double aspect = double(width()) / height();
    const double* m =
        renderer()->GetActiveCamera()->GetCompositeProjectionTransformMatrix(aspect, -1, 1)->GetData();
    float matrix[16];
    std::copy_n(m, 16, matrix);
    const float halfWidth = float(width()) / 2, halfHeight = float(height()) / 2;
    const float atX = float(position.x()), atY = float(position.y());
    const std::vector<float>& positions = geometry_->cloud->positions;
    const size_t count = geometry_->cloud->pointCount(), step = count / kMaxPicked + 1;
    std::optional<size_t> picked;
    float nearest = 0;
    for (size_t point = 0; point < count; point += step) {
        const float x = positions[point * 3], y = positions[point * 3 + 1], z = positions[point * 3 + 2];
        const float w = matrix[12] * x + matrix[13] * y + matrix[14] * z + matrix[15];
        if (w <= 0 || (picked && w >= nearest))
            continue;
        const float right = (matrix[0] * x + matrix[1] * y + matrix[2] * z + matrix[3]) / w * halfWidth;
        const float above = (matrix[4] * x + matrix[5] * y + matrix[6] * z + matrix[7]) / w * halfHeight;
        const float awayX = halfWidth + right - atX, awayY = halfHeight - above - atY;
        if (awayX * awayX + awayY * awayY > float(kPickRadius * kPickRadius))
            continue;
        picked = point;
        nearest = w;
    }
    return picked;
}

std::optional<QPointF> PointCloudView::positionOf(size_t point) const {
    if (!geometry_ || point >= geometry_->cloud->pointCount())
        return std::nullopt;
    const float* at = &geometry_->cloud->positions[point * 3];
    double camera[3], ahead[3];
    renderer()->GetActiveCamera()->GetPosition(camera);
    renderer()->GetActiveCamera()->GetDirectionOfProjection(ahead);
    double depth = 0;
    for (int axis = 0; axis < 3; ++axis)
        depth += (double(at[axis]) - camera[axis]) * ahead[axis];
    if (!(depth > 0))
        return std::nullopt;
    return project(double(at[0]), double(at[1]), double(at[2])).position;
}

void PointCloudView::setHovered(std::optional<size_t> point) {
    if (point == hovered_)
        return;
    hovered_ = point;
    update();
    emit pointHovered(point);
}

void PointCloudView::mousePressEvent(QMouseEvent* event) {
    pressed_ = event->position();
    VtkView::mousePressEvent(event);
}

void PointCloudView::mouseMoveEvent(QMouseEvent* event) {
    if (event->buttons() == Qt::NoButton) {
        hoverAt_ = event->position();
        if (!hoverTimer_.isActive())
            hoverTimer_.start();
    }
    VtkView::mouseMoveEvent(event);
}

void PointCloudView::mouseReleaseEvent(QMouseEvent* event) {
    const bool still = (event->position() - pressed_).manhattanLength() < kClickMotion;
    if (event->button() == Qt::LeftButton && still)
        if (const auto point = pointAt(event->position()))
            emit pointClicked(*point);
}

void PointCloudView::mouseDoubleClickEvent(QMouseEvent* event) {
    const auto point = pointAt(event->position());
    if (!point)
        return showOverview();
    const float* at = &geometry_->cloud->positions[*point * 3];
    renderer()->GetActiveCamera()->SetFocalPoint(double(at[0]), double(at[1]), double(at[2]));
    cameraMoved();
}

void PointCloudView::leaveEvent(QEvent* event) {
    hoverTimer_.stop();
    setHovered(std::nullopt);
    VtkView::leaveEvent(event);
}

}  // namespace vitrine
