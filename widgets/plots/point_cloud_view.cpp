#include "widgets/plots/point_cloud_view.h"

#include "core/media/value_range.h"
#include "widgets/base/theme.h"

#include <vtkActor.h>
#include <vtkCamera.h>
#include <vtkCellArray.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkUnsignedCharArray.h>

namespace vitrine {

struct PointCloudView::Scene {
    vtkNew<vtkPolyData> points, boxes;
    vtkNew<vtkPolyDataMapper> pointMapper, boxMapper;
    vtkNew<vtkActor> pointActor, boxActor;
};

PointCloudView::PointCloudView(QWidget* parent) : VtkView(parent), scene_(std::make_unique<Scene>()) {
    setObjectName("pointCloudView");
    scene_->pointMapper->SetInputData(scene_->points);
    scene_->boxMapper->SetInputData(scene_->boxes);
    scene_->pointActor->SetMapper(scene_->pointMapper);
    scene_->boxActor->SetMapper(scene_->boxMapper);
    scene_->pointActor->GetProperty()->SetPointSize(2);
    scene_->boxActor->GetProperty()->SetLineWidth(2);
    for (vtkActor* actor : {scene_->pointActor.Get(), scene_->boxActor.Get()}) {
        actor->GetProperty()->SetLighting(false);
        renderer()->AddActor(actor);
    }
}

PointCloudView::~PointCloudView() = default;

void PointCloudView::setCloud(CloudData cloud) {
    cloud_ = std::move(cloud);
    vtkNew<vtkPoints> points;
    vtkNew<vtkCellArray> vertices;
    const vtkIdType count = vtkIdType(pointCount());
    points->SetNumberOfPoints(count);
    for (vtkIdType index = 0; index < count; ++index) {
        points->SetPoint(index, cloud_.positions.data() + index * 3);
        vertices->InsertNextCell(1, &index);
    }
    scene_->points->SetPoints(points);
    scene_->points->SetVerts(vertices);
    coloring_ = cloud_.colors.size() == cloud_.positions.size() ? Coloring::Own : Coloring::Height;
    rebuildBoxes();
    recolor();
    vtkCamera* camera = renderer()->GetActiveCamera();
    const double up[3] = {0, cloud_.upAxis == 1 ? -1.0 : 0.0, cloud_.upAxis == 2 ? 1.0 : 0.0};
    camera->SetFocalPoint(0, 0, 0);
    camera->SetPosition(cloud_.upAxis == 2 ? -1.0 : 0.0, cloud_.upAxis == 2 ? 0.0 : -0.6,
                        cloud_.upAxis == 2 ? 0.6 : -1.0);
    camera->SetViewUp(up);
    resetCamera();
}

void PointCloudView::setColoring(Coloring coloring, ColorMap map) {
    coloring_ = coloring;
    map_ = map;
    recolor();
}

void PointCloudView::setPointSize(double pixels) {
    scene_->pointActor->GetProperty()->SetPointSize(float(pixels));
    update();
}

void PointCloudView::recolor() {
    const size_t count = pointCount();
    const bool own = coloring_ == Coloring::Own && cloud_.colors.size() == count * 3;
    std::vector<float> values;
    if (!own && coloring_ == Coloring::Intensity && cloud_.intensities.size() == count)
        values = cloud_.intensities;
    else if (!own)
        for (size_t index = 0; index < count; ++index)
            values.push_back(cloud_.positions[index * 3 + size_t(cloud_.upAxis)]);
    const ValueRange range = ValueDistribution(values).range(2);
    vtkNew<vtkUnsignedCharArray> colors;
    colors->SetNumberOfComponents(3);
    colors->SetNumberOfTuples(vtkIdType(count));
    for (size_t index = 0; index < count; ++index) {
        const Rgb8 color =
            own ? Rgb8{cloud_.colors[index * 3], cloud_.colors[index * 3 + 1], cloud_.colors[index * 3 + 2]}
                : colorOf(map_, double(values[index]), range.low, range.high);
        colors->SetTuple3(vtkIdType(index), color.r, color.g, color.b);
    }
    scene_->points->GetPointData()->SetScalars(colors);
    scene_->points->Modified();
    update();
}

void PointCloudView::rebuildBoxes() {
    vtkNew<vtkPoints> points;
    vtkNew<vtkCellArray> lines;
    for (const CloudBox& box : cloud_.boxes) {
        const vtkIdType first = points->GetNumberOfPoints();
        for (int corner = 0; corner < 8; ++corner) {
            double local[3], world[3];
            for (int axis = 0; axis < 3; ++axis)
                local[axis] = ((corner >> axis) & 1 ? 0.5 : -0.5) * box.size[size_t(axis)];
            for (size_t row = 0; row < 3; ++row)
                world[row] = box.center[row] + box.rotation[row * 3] * local[0] +
                             box.rotation[row * 3 + 1] * local[1] + box.rotation[row * 3 + 2] * local[2];
            points->InsertNextPoint(world);
        }
        for (int corner = 0; corner < 8; ++corner)
            for (int axis = 0; axis < 3; ++axis)
                if (!((corner >> axis) & 1)) {
                    const vtkIdType ends[2] = {first + corner, first + (corner | (1 << axis))};
                    lines->InsertNextCell(2, ends);
                }
    }
    scene_->boxes->SetPoints(points);
    scene_->boxes->SetLines(lines);
    const QColor color = Theme::instance().colors().warning;
    scene_->boxActor->GetProperty()->SetColor(color.redF(), color.greenF(), color.blueF());
}

}  // namespace vitrine
