#include "widgets/plots/cloud_scene.h"

#include <vtkCellArray.h>
#include <vtkFloatArray.h>
#include <vtkPoints.h>
#include <vtkTypeInt32Array.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vitrine {
namespace {

constexpr double kFrustumShare = 0.15;  // of the median distance
constexpr double kMaxGridLines = 200;   // each way

// Refers to the cloud's own coordinates; all points are one cell.
vtkSmartPointer<vtkPolyData> pointsOf(const PointCloud& cloud) {
    const auto count = vtkIdType(cloud.pointCount());
    vtkNew<vtkFloatArray> coordinates;
    coordinates->SetNumberOfComponents(3);
    coordinates->SetArray(const_cast<float*>(cloud.positions.data()), count * 3, 1);
    vtkNew<vtkPoints> points;
    points->SetData(coordinates);
    vtkNew<vtkTypeInt32Array> offsets, connectivity;
    offsets->SetNumberOfValues(2);
    offsets->SetValue(0, 0);
    offsets->SetValue(1, int32_t(count));
    connectivity->SetNumberOfValues(count);
    std::iota(connectivity->GetPointer(0), connectivity->GetPointer(0) + count, 0);
    vtkNew<vtkCellArray> vertices;
    vertices->SetData(offsets, connectivity);
    auto data = vtkSmartPointer<vtkPolyData>::New();
    data->SetPoints(points);
    data->SetVerts(vertices);
    data->GetBounds();  // computed here, not when the first frame is drawn
    return data;
}

class Lines {
  public:
    vtkIdType point(const Vector3d& at) { return points_->InsertNextPoint(at.data()); }
    void line(vtkIdType from, vtkIdType to) {
        const vtkIdType ends[2] = {from, to};
        lines_->InsertNextCell(2, ends);
    }
    vtkSmartPointer<vtkPolyData> take() {
        auto data = vtkSmartPointer<vtkPolyData>::New();
        data->SetPoints(points_);
        data->SetLines(lines_);
        return data;
    }

  private:
    vtkNew<vtkPoints> points_;
    vtkNew<vtkCellArray> lines_;
};

Vector3d transformed(const std::array<double, 9>& rotation, const Vector3d& translation,
                     const Vector3d& local) {
    Vector3d world = translation;
    for (size_t row = 0; row < 3; ++row)
        for (size_t k = 0; k < 3; ++k)
            world[row] += rotation[row * 3 + k] * local[k];
    return world;
}

vtkSmartPointer<vtkPolyData> boxesOf(const PointCloud& cloud) {
    Lines lines;
    for (const Box3& box : cloud.boxes) {
        vtkIdType first = 0;
        for (int corner = 0; corner < 8; ++corner) {
            Vector3d local;
            for (size_t axis = 0; axis < 3; ++axis)
                local[axis] = ((corner >> axis) & 1 ? 0.5 : -0.5) * box.size[axis];
            const vtkIdType id = lines.point(transformed(box.rotation, box.center, local));
            first = corner == 0 ? id : first;
        }
        for (int corner = 0; corner < 8; ++corner)
            for (int axis = 0; axis < 3; ++axis)
                if (!((corner >> axis) & 1))
                    lines.line(first + corner, first + (corner | (1 << axis)));
    }
    return lines.take();
}

// The camera and the edges of what it sees.
vtkSmartPointer<vtkPolyData> frustumOf(const PointCloud& cloud, double depth) {
    Lines lines;
    if (cloud.camera) {
        const CloudCamera& camera = *cloud.camera;
        const vtkIdType apex = lines.point(camera.position);
        vtkIdType corners[4];
        for (int corner = 0; corner < 4; ++corner) {
            const double u = corner == 1 || corner == 2 ? double(camera.width) : 0;
            const double v = corner >= 2 ? double(camera.height) : 0;
            corners[corner] = lines.point(transformed(camera.rotation, camera.position,
                                                      {(u - camera.centerX) / camera.focalX * depth,
                                                       (v - camera.centerY) / camera.focalY * depth, depth}));
            lines.line(apex, corners[corner]);
        }
        for (int corner = 0; corner < 4; ++corner)
            lines.line(corners[corner], corners[(corner + 1) % 4]);
    }
    return lines.take();
}

// 1, 2 or 5 times a power of ten.
double niceStep(double wanted) {
    const double power = std::pow(10, std::floor(std::log10(std::max(wanted, 1e-6))));
    for (const double factor : {1.0, 2.0, 5.0})
        if (wanted <= factor * power)
            return factor * power;
    return 10 * power;
}

vtkSmartPointer<vtkPolyData> gridOf(const CloudBounds& bounds, UpAxis up, double step) {
    Lines lines;
    const size_t upAxis = size_t(up) / 2, a = (upAxis + 1) % 3, b = (upAxis + 2) % 3;
    const double ground = size_t(up) % 2 == 0 ? bounds.low[upAxis] : bounds.high[upAxis];
    double from[2], to[2];
    for (size_t side = 0; side < 2; ++side) {
        const size_t axis = side == 0 ? a : b;
        from[side] = std::floor(bounds.low[axis] / step) * step;
        to[side] = std::min(std::ceil(bounds.high[axis] / step) * step, from[side] + kMaxGridLines * step);
    }
    for (size_t side = 0; side < 2; ++side) {
        const size_t fixed = side == 0 ? a : b, running = side == 0 ? b : a;
        for (int index = 0; from[side] + index * step <= to[side] + step / 2; ++index) {
            Vector3d start{}, end{};
            start[upAxis] = end[upAxis] = ground;
            start[fixed] = end[fixed] = from[side] + index * step;
            start[running] = from[1 - side];
            end[running] = to[1 - side];
            lines.line(lines.point(start), lines.point(end));
        }
    }
    return lines.take();
}

}  // namespace

std::shared_ptr<const PointCloudView::Geometry> PointCloudView::prepare(
    std::shared_ptr<const PointCloud> cloud, UpAxis up) {
    if (!cloud || cloud->pointCount() == 0 ||
        cloud->pointCount() > size_t(std::numeric_limits<int32_t>::max()))
        return nullptr;
    auto geometry = std::make_shared<Geometry>();
    const CloudBounds bounds = robustBoundsOf(*cloud);
    geometry->up = up;
    geometry->overview = overviewOf(*cloud, up);
    geometry->medianDistance = medianDistance(*cloud);
    double extent = 0;
    for (size_t axis = 0; axis < 3; ++axis)
        if (axis != size_t(up) / 2)
            extent = std::max(extent, bounds.high[axis] - bounds.low[axis]);
    geometry->gridStep = niceStep(extent / 12);
    geometry->points = pointsOf(*cloud);
    geometry->boxes = boxesOf(*cloud);
    geometry->frustum = frustumOf(*cloud, geometry->medianDistance * kFrustumShare);
    geometry->grid = gridOf(bounds, up, geometry->gridStep);
    geometry->cloud = std::move(cloud);
    return geometry;
}

}  // namespace vitrine
