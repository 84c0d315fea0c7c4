// VTK's side of a PointCloudView. Internal to widgets/plots.
#pragma once

#include "widgets/plots/point_cloud_view.h"

#include <vtkActor.h>
#include <vtkNew.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkSmartPointer.h>

namespace vitrine {

struct PointCloudView::Geometry {
    std::shared_ptr<const PointCloud> cloud;  // owns the coordinates that `points` refers to
    UpAxis up = UpAxis::PlusZ;
    CloudView overview;
    double medianDistance = 1;  // metres
    double gridStep = 1;        // metres
    vtkSmartPointer<vtkPolyData> points, boxes, frustum, grid;
};

struct PointCloudView::Scene {
    struct Part {
        vtkNew<vtkPolyDataMapper> mapper;
        vtkNew<vtkActor> actor;
    };
    Part points, boxes, frustum, grid;
    vtkSmartPointer<vtkPolyData> shownPoints;  // of this view: colours are set on it
};

}  // namespace vitrine
