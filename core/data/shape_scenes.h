// Labelled procedural pictures: a textured ground with a few lines on it and two to four textured shapes of
// eight classes, painted one over the other. What is seen where is known exactly: the class, the texture and
// the object of every pixel. A scene is drawn once and rendered as often as wanted, at any size and through
// any view; all its geometry is relative to the side of the whole scene.
#pragma once

#include <ATen/ATen.h>

#include <array>

namespace vitrine {

inline constexpr int64_t kSceneSlots = 4;  // shapes of a scene, at most
inline constexpr std::array kSceneShapeNames{"disc",  "triangle", "square",    "star",
                                             "cross", "ring",     "half disc", "ellipse"};
inline constexpr std::array kSceneTextureNames{"plain", "stripes", "checks", "dots", "rings"};
inline constexpr int64_t kSceneShapeCount = int64_t(kSceneShapeNames.size());
inline constexpr int64_t kSceneTextureCount = int64_t(kSceneTextureNames.size());

// What is painted inside one outline (or on the ground): two colours mixed by a texture. Tensors (N).
struct ScenePaint {
    at::Tensor texture;             // int64, index into kSceneTextureNames
    at::Tensor first, second;       // (N, 3) colours in [0, 1]
    at::Tensor frequency;           // periods over the side of the scene
    at::Tensor direction;           // radians
    at::Tensor phase, acrossPhase;  // radians, along the direction and across it
};

// One shape of each scene. Tensors (N); centre and radius in sides of the scene.
struct SceneItem {
    at::Tensor present;           // bool
    at::Tensor shape;             // int64, index into kSceneShapeNames
    at::Tensor centreX, centreY;  // in [0, 1]
    at::Tensor radius;            // every class covers 0.7 π radius²
    at::Tensor tilt;              // radians
    ScenePaint paint;
};

// A thin straight line on the ground, without a label.
struct SceneLine {
    at::Tensor direction, offset,
        halfWidth;      // (N); the line is where cos·x + sin·y = offset, from the centre
    at::Tensor colour;  // (N, 3)
};

// N scenes. Items are in the order in which they are painted: later ones cover earlier ones.
struct ShapeScenes {
    ScenePaint ground;
    std::vector<SceneLine> lines;
    std::vector<SceneItem> items;  // kSceneSlots of them
    at::Tensor shadeX, shadeY;     // (N) change of brightness from one edge to the other
    int64_t count() const { return shadeX.size(0); }
};

// Which square of the scene a picture shows, one per scene; the whole is (0, 0, 1). Tensors (N).
struct SceneView {
    at::Tensor left, top, extent;
};

struct ScenePictures {
    at::Tensor pictures;  // (N, 3, side, side) float in [0, 1]
    at::Tensor shapes;    // (N, side, side) int64: 0 ground, 1 + class
    at::Tensor textures;  // (N, side, side) int64: index into kSceneTextureNames, also of the ground
    at::Tensor objects;   // (N, side, side) int64: 0 ground, 1 + slot
    at::Tensor dominant;  // (N) int64: class of the shapes that show most pixels (the first of equals)
};

// Classes and textures are drawn evenly. One shape of each scene is clearly larger than the others.
ShapeScenes drawShapeScenes(int64_t count, const at::Generator& random);
// Whole scenes, or what `view` shows of them. Outlines are smoothed over one pixel; labels are those of the
// object that covers at least half of a pixel.
ScenePictures renderShapeScenes(const ShapeScenes& scenes, int64_t side, const SceneView* view = nullptr);

// Views of random place that show the given share of the side, drawn from [smallest, 1].
SceneView drawSceneViews(int64_t count, double smallest, const at::Generator& random);

// True where a pixel's object differs from that of its right or lower neighbour: (N, H, W) int64 -> bool.
at::Tensor objectBoundaries(const at::Tensor& objects);

}  // namespace vitrine
