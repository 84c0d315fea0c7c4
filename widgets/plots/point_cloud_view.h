// Point clouds with boxes in 3-D: coloured by their own colours, by intensity or by height.
#pragma once

#include "core/media/color_map.h"
#include "widgets/plots/vtk_view.h"

#include <array>
#include <string>
#include <vector>

namespace vitrine {

struct CloudBox {
    std::array<double, 3> center{};
    std::array<double, 3> size{};
    std::array<double, 9> rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};  // world_from_box, row-major
    std::string label;
};

struct CloudData {
    std::vector<float> positions;    // x, y, z per point, metres
    std::vector<uint8_t> colors;     // r, g, b per point; may be empty
    std::vector<float> intensities;  // one per point; may be empty
    std::vector<CloudBox> boxes;
    int upAxis = 2;  // which coordinate is height
};

class PointCloudView : public VtkView {
    Q_OBJECT
  public:
    enum class Coloring { Own, Height, Intensity };

    explicit PointCloudView(QWidget* parent = nullptr);
    ~PointCloudView() override;

    void setCloud(CloudData cloud);
    void setColoring(Coloring coloring, ColorMap map = ColorMap::Turbo);
    void setPointSize(double pixels);
    size_t pointCount() const { return cloud_.positions.size() / 3; }

  private:
    void recolor();
    void rebuildBoxes();

    struct Scene;
    std::unique_ptr<Scene> scene_;
    CloudData cloud_;
    Coloring coloring_ = Coloring::Height;
    ColorMap map_ = ColorMap::Turbo;
};

}  // namespace vitrine
