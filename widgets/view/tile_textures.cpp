#include "widgets/view/tile_textures.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr size_t kTextureLimit = size_t(384) << 20;
constexpr int kUploadBudgetMs = 6;  // of one frame
constexpr size_t kSpares = 6;       // textures of maps that are gone, for those that take their place

struct TextureFormat {
    GLint internal;
    GLenum layout;
    GLenum type;
};

TextureFormat formatOf(const Image& image) {
    static const GLenum layouts[] = {GL_RED, GL_RG, GL_RGB, GL_RGBA};
    static const GLint byType[3][4] = {{GL_R8, GL_RG8, GL_RGB8, GL_RGBA8},
                                       {GL_R16, GL_RG16, GL_RGB16, GL_RGBA16},
                                       {GL_R32F, GL_RG32F, GL_RGB32F, GL_RGBA32F}};
    static const GLenum types[] = {GL_UNSIGNED_BYTE, GL_UNSIGNED_SHORT, GL_FLOAT};
    const size_t type = size_t(image.sampleType()), channels = size_t(image.channels() - 1);
    return {byType[type][channels], layouts[channels], types[type]};
}

}  // namespace

void TileTextures::release() {
    for (auto& [pyramid, tiles] : layers_)
        for (auto& [key, texture] : tiles.textures)
            gl_->glDeleteTextures(1, &texture.name);
    for (const Texture& texture : spares_)
        gl_->glDeleteTextures(1, &texture.name);
    for (auto& [map, texture] : tables_)
        gl_->glDeleteTextures(1, &texture);
}

void TileTextures::beginFrame() {
    ++frame_;
    budget_.restart();
    uploadedThisFrame_ = false;
    dropOldTextures();
}

TileTextures::Tiles& TileTextures::tilesOf(const std::shared_ptr<TilePyramid>& pyramid) {
    Tiles& tiles = layers_[pyramid.get()];
    tiles.pyramid = pyramid;
    return tiles;
}

GLuint TileTextures::colorTableTexture(ColorMap map) {
    GLuint& texture = tables_[int(map)];
    if (texture != 0)
        return texture;
    gl_->glGenTextures(1, &texture);
    gl_->glBindTexture(GL_TEXTURE_2D, texture);
    gl_->glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
    gl_->glTexImage2D(GL_TEXTURE_2D, 0, GL_RGB8, 256, 1, 0, GL_RGB, GL_UNSIGNED_BYTE, colorTable(map).data());
    for (const GLenum filter : {GL_TEXTURE_MIN_FILTER, GL_TEXTURE_MAG_FILTER})
        gl_->glTexParameteri(GL_TEXTURE_2D, filter, GL_NEAREST);
    for (const GLenum wrap : {GL_TEXTURE_WRAP_S, GL_TEXTURE_WRAP_T})
        gl_->glTexParameteri(GL_TEXTURE_2D, wrap, GL_CLAMP_TO_EDGE);
    return texture;
}

// A map that changes with the mouse has the same tiles each time: their memory is taken over.
void TileTextures::takeSpare(Texture& texture, GLint internal, GLsizei width, GLsizei height) {
    const auto fits = std::find_if(spares_.begin(), spares_.end(), [&](const Texture& spare) {
        return spare.internal == internal && spare.width == width && spare.height == height;
    });
    if (fits == spares_.end())
        return;
    texture = *fits;
    spares_.erase(fits);
}

void TileTextures::upload(Texture& texture, const TilePixels& pixels) {
    const Image& image = *pixels.owner;
    const TextureFormat format = formatOf(image);
    const GLsizei width = GLsizei(pixels.rect.width), height = GLsizei(pixels.rect.height);
    if (texture.name == 0)
        takeSpare(texture, format.internal, width, height);
    if (texture.name == 0) {
        gl_->glGenTextures(1, &texture.name);
        gl_->glBindTexture(GL_TEXTURE_2D, texture.name);
        for (const GLenum wrap : {GL_TEXTURE_WRAP_S, GL_TEXTURE_WRAP_T})
            gl_->glTexParameteri(GL_TEXTURE_2D, wrap, GL_CLAMP_TO_EDGE);
        gl_->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
        gl_->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
        gl_->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0);
    }
    gl_->glBindTexture(GL_TEXTURE_2D, texture.name);
    gl_->glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
    gl_->glPixelStorei(GL_UNPACK_ROW_LENGTH, GLint(image.width()));
    const std::byte* first = image.row<std::byte>(pixels.offsetY) +
                             size_t(pixels.offsetX) * image.bytesPerSample() * size_t(image.channels());
    if (texture.internal == format.internal && texture.width == width && texture.height == height)
        gl_->glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, format.layout, format.type, first);
    else
        gl_->glTexImage2D(GL_TEXTURE_2D, 0, format.internal, width, height, 0, format.layout, format.type,
                          first);
    gl_->glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    texture.internal = format.internal;
    texture.width = width;
    texture.height = height;
    bytes_ -= texture.bytes;
    texture.bytes =
        size_t(pixels.rect.width * pixels.rect.height) * image.bytesPerSample() * size_t(image.channels());
    bytes_ += texture.bytes;
    texture.provisional = pixels.provisional;
}

TileTextures::Texture* TileTextures::textureOf(Tiles& tiles, TilePyramid& pyramid, const TileKey& key,
                                               bool& more) {
    const auto found = tiles.textures.find(key);
    const bool have = found != tiles.textures.end();
    if (have && !(found->second.provisional && pyramid.levelReady(key.level)))
        return &found->second;
    if (uploadedThisFrame_ && budget_.elapsed() > kUploadBudgetMs) {
        more = true;
        return have ? &found->second : nullptr;
    }
    const TilePixels pixels = pyramid.tile(key);
    if (!pixels.owner)
        return have ? &found->second : nullptr;
    Texture& texture = have ? found->second : tiles.textures[key];
    upload(texture, pixels);
    uploadedThisFrame_ = true;
    return &texture;
}

void TileTextures::dropOldTextures() {
    for (auto layer = layers_.begin(); layer != layers_.end();) {
        const bool gone = layer->second.pyramid.expired();
        for (auto tile = layer->second.textures.begin(); tile != layer->second.textures.end();) {
            const bool old = bytes_ > kTextureLimit && tile->second.lastFrame + 1 < frame_;
            if (!gone && !old) {
                ++tile;
                continue;
            }
            if (gone && spares_.size() < kSpares) {
                spares_.push_back(tile->second);
            } else {
                gl_->glDeleteTextures(1, &tile->second.name);
                bytes_ -= tile->second.bytes;
            }
            tile = layer->second.textures.erase(tile);
        }
        layer = gone ? layers_.erase(layer) : std::next(layer);
    }
}

}  // namespace vitrine
