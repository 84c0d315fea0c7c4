// Draws layers as textured tiles with OpenGL 3.3 core: one texture fetch per pixel, and one in a 256-entry
// colour table for scalar maps. All calls need the view's context current.
#pragma once

#include "widgets/view/layer.h"
#include "widgets/view/view_link.h"

#include <QSize>
#include <memory>

namespace vitrine {

class TilePyramid;

class TileRenderer {
  public:
    TileRenderer();
    ~TileRenderer();

    void initialize();
    void release();
    // Draws `layer` through `camera`. Textures that are missing are uploaded within the frame's budget; true:
    // more is to come, draw again.
    bool draw(const Layer& layer, const std::shared_ptr<TilePyramid>& pyramid, const Camera& camera,
              QSize viewport);
    // Bytes of textures held; least recently drawn ones are dropped past the limit.
    size_t textureBytes() const;
    // Starts a frame: resets the upload budget.
    void beginFrame();

  private:
    struct Private;
    std::unique_ptr<Private> d_;
};

}  // namespace vitrine
