// Textures of tiles and of colour tables, for OpenGL 3.3 core. All calls need the view's context current.
#pragma once

#include "widgets/view/layer.h"
#include "widgets/view/tile_pyramid.h"

#include <QElapsedTimer>
#include <QOpenGLFunctions_3_3_Core>
#include <memory>
#include <unordered_map>
#include <vector>

namespace vitrine {

class TileTextures {
  public:
    struct Texture {
        GLuint name = 0;
        bool provisional = false;
        bool linear = false;
        GLint internal = 0;
        GLsizei width = 0, height = 0;
        size_t bytes = 0;
        uint64_t lastFrame = 0;  // that it was drawn in
    };
    // Those of one map or picture.
    struct Tiles {
        std::weak_ptr<TilePyramid> pyramid;
        std::unordered_map<TileKey, Texture, TileKeyHash> textures;
    };

    explicit TileTextures(QOpenGLFunctions_3_3_Core* gl) : gl_(gl) {}
    // Frees them all, at the end.
    void release();
    // A new budget of time; what is gone is dropped, and past the limit what was not drawn lately.
    void beginFrame();
    uint64_t frame() const { return frame_; }
    size_t bytes() const { return bytes_; }

    Tiles& tilesOf(const std::shared_ptr<TilePyramid>& pyramid);
    // A texture of the tile, uploading it if the budget allows; null: nothing to draw yet. `more`: draw
    // again.
    Texture* textureOf(Tiles& tiles, TilePyramid& pyramid, const TileKey& key, bool& more);
    GLuint colorTableTexture(ColorMap map);

  private:
    void takeSpare(Texture& texture, GLint internal, GLsizei width, GLsizei height);
    void upload(Texture& texture, const TilePixels& pixels);
    void dropOldTextures();

    QOpenGLFunctions_3_3_Core* gl_;
    std::unordered_map<int, GLuint> tables_;
    std::unordered_map<const TilePyramid*, Tiles> layers_;
    std::vector<Texture> spares_;
    size_t bytes_ = 0;
    uint64_t frame_ = 0;
    QElapsedTimer budget_;
    bool uploadedThisFrame_ = false;
};

}  // namespace vitrine
