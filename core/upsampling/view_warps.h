// Views of a picture by homographies, and the same views of its features: what multi-view training compares
// (FeatUp, Fu et al. 2024, section 3; FeatSharp, Ranzinger et al. 2025, section on training).
//
// A homography `baseFromView` (3, 3) maps a position (x, y, 1) of the view to one of the base. Positions are
// relative, from -1 to 1, so that one matrix serves pictures and feature maps of any size.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// What -1 and 1 stand for. Published: the centres of the outermost cells (align_corners). A picture and its
// features then disagree by up to half a cell where a view is moved aside, since their outermost cells differ
// in size; outer edges do not have this error.
enum class WarpAnchor { CellCentres, OuterEdges };

struct ViewOptions {
    // Shared by the views of one picture: a window of 1/zoom of the picture, anywhere in it.
    double largestZoom = 2;
    // Of each view on its own.
    double zoomChange = 0.05;  // zoom in [1 - change, 1 / (1 - change)]
    double smallestPerspective = 0.01, largestPerspective = 0.05;
    double largestRotation = 5;  // degrees
};

// FeatUp's jitter: half of the views are zoomed by 1 to `largestZoom`; any place of the picture with `margin`
// reflected at each side; half of them mirrored.
struct JitterOptions {
    double largestZoom = 2;
    double margin = 20.0 / 224;  // share of the side
};

// (count, views, 3, 3) float. Draws from `random`.
at::Tensor drawViews(int64_t count, int64_t views, const ViewOptions& options, const at::Generator& random);
at::Tensor drawJitter(int64_t count, int64_t views, const JitterOptions& options,
                      const at::Generator& random);

// Where the cells of a view lie in the base: (B, height, width, 2) as x, y.
at::Tensor viewPositions(const at::Tensor& baseFromView, int64_t height, int64_t width, WarpAnchor anchor);

// map (B, C, H, W), baseFromView (B, 3, 3) -> (B, C, height, width): bilinear, reflected beyond the borders.
// Differentiable in the map.
at::Tensor warpToView(const at::Tensor& map, const at::Tensor& baseFromView, int64_t height, int64_t width,
                      WarpAnchor anchor);

// (B, height, width) of 0 and 1: cells of the view that lie inside the base.
at::Tensor insideBase(const at::Tensor& baseFromView, int64_t height, int64_t width, WarpAnchor anchor);

}  // namespace vitrine
