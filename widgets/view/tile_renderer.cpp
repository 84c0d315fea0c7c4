#include "widgets/view/tile_renderer.h"

#include "core/base/log.h"
#include "widgets/view/tile_pyramid.h"

#include <QElapsedTimer>
#include <QOpenGLFunctions_3_3_Core>
#include <QOpenGLShaderProgram>
#include <QOpenGLVersionFunctionsFactory>
#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace vitrine {
namespace {

constexpr size_t kTextureLimit = size_t(384) << 20;
constexpr int kUploadBudgetMs = 6;  // of one frame
constexpr size_t kSpares = 6;       // textures of maps that are gone, for those that take their place

// The quad's corners come from the vertex number: no buffers.
const char* const kVertexShader = R"(#version 330 core
uniform vec4 uScreen;   // left, top, right, bottom in clip coordinates
uniform vec4 uTexture;  // the same in texture coordinates
out vec2 vTexture;
void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    gl_Position = vec4(mix(uScreen.xy, uScreen.zw, corner), 0.0, 1.0);
    vTexture = mix(uTexture.xy, uTexture.zw, corner);
})";

const char* const kColorShader = R"(#version 330 core
uniform sampler2D uTile;
in vec2 vTexture;
out vec4 color;
void main() { color = vec4(texture(uTile, vTexture).rgb, 1.0); })";

const char* const kFloatShader = R"(#version 330 core
uniform sampler2D uTile;
uniform vec2 uTone;  // gain, 1 / gamma
in vec2 vTexture;
out vec4 color;
void main() { color = vec4(pow(max(texture(uTile, vTexture).rgb * uTone.x, 0.0), vec3(uTone.y)), 1.0); })";

const char* const kScalarShader = R"(#version 330 core
uniform sampler2D uTile;
uniform sampler2D uTable;
uniform vec2 uRange;  // factor, summand: value to [0, 1]
in vec2 vTexture;
out vec4 color;
void main() {
    float value = texture(uTile, vTexture).r;
    float share = clamp(value * uRange.x + uRange.y, 0.0, 1.0);
    // The table's nearest entry, as in colorOf(): not filtered, which costs software rendering three more fetches.
    color = isnan(value) ? vec4(0.19, 0.19, 0.20, 1.0) : texture(uTable, vec2(share * 0.99609375 + 0.001953125, 0.5));
})";

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

struct TileRenderer::Private {
    struct Texture {
        GLuint name = 0;
        bool provisional = false;
        bool linear = false;
        GLint internal = 0;
        GLsizei width = 0, height = 0;
        size_t bytes = 0;
        uint64_t lastFrame = 0;
    };
    struct LayerTextures {
        std::weak_ptr<TilePyramid> pyramid;
        std::unordered_map<TileKey, Texture, TileKeyHash> tiles;
    };

    QOpenGLFunctions_3_3_Core* gl = nullptr;
    std::unique_ptr<QOpenGLShaderProgram> colorProgram, floatProgram, scalarProgram;
    GLuint vertexArray = 0;
    std::unordered_map<int, GLuint> tables;
    std::unordered_map<const TilePyramid*, LayerTextures> layers;
    std::vector<Texture> spares;
    size_t bytes = 0;
    uint64_t frame = 0;
    QElapsedTimer budget;
    bool uploadedThisFrame = false;

    std::unique_ptr<QOpenGLShaderProgram> program(const char* fragment) {
        auto made = std::make_unique<QOpenGLShaderProgram>();
        if (!made->addShaderFromSourceCode(QOpenGLShader::Vertex, kVertexShader) ||
            !made->addShaderFromSourceCode(QOpenGLShader::Fragment, fragment) || !made->link())
            log::error("a shader of the picture view does not compile: {}", made->log().toStdString());
        return made;
    }
    GLuint colorTableTexture(ColorMap map) {
        GLuint& texture = tables[int(map)];
        if (texture != 0)
            return texture;
        gl->glGenTextures(1, &texture);
        gl->glBindTexture(GL_TEXTURE_2D, texture);
        gl->glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
        gl->glTexImage2D(GL_TEXTURE_2D, 0, GL_RGB8, 256, 1, 0, GL_RGB, GL_UNSIGNED_BYTE,
                         colorTable(map).data());
        for (const GLenum filter : {GL_TEXTURE_MIN_FILTER, GL_TEXTURE_MAG_FILTER})
            gl->glTexParameteri(GL_TEXTURE_2D, filter, GL_NEAREST);
        for (const GLenum wrap : {GL_TEXTURE_WRAP_S, GL_TEXTURE_WRAP_T})
            gl->glTexParameteri(GL_TEXTURE_2D, wrap, GL_CLAMP_TO_EDGE);
        return texture;
    }
    // A map that changes with the mouse has the same tiles each time: their memory is taken over.
    void takeSpare(Texture& texture, GLint internal, GLsizei width, GLsizei height) {
        const auto fits = std::find_if(spares.begin(), spares.end(), [&](const Texture& spare) {
            return spare.internal == internal && spare.width == width && spare.height == height;
        });
        if (fits == spares.end())
            return;
        texture = *fits;
        spares.erase(fits);
    }
    void upload(Texture& texture, const TilePixels& pixels) {
        const Image& image = *pixels.owner;
        const TextureFormat format = formatOf(image);
        const GLsizei width = GLsizei(pixels.rect.width), height = GLsizei(pixels.rect.height);
        if (texture.name == 0)
            takeSpare(texture, format.internal, width, height);
        if (texture.name == 0) {
            gl->glGenTextures(1, &texture.name);
            gl->glBindTexture(GL_TEXTURE_2D, texture.name);
            for (const GLenum wrap : {GL_TEXTURE_WRAP_S, GL_TEXTURE_WRAP_T})
                gl->glTexParameteri(GL_TEXTURE_2D, wrap, GL_CLAMP_TO_EDGE);
            gl->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
            gl->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
            gl->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0);
        }
        gl->glBindTexture(GL_TEXTURE_2D, texture.name);
        gl->glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
        gl->glPixelStorei(GL_UNPACK_ROW_LENGTH, GLint(image.width()));
        const std::byte* first = image.row<std::byte>(pixels.offsetY) +
                                 size_t(pixels.offsetX) * image.bytesPerSample() * size_t(image.channels());
        if (texture.internal == format.internal && texture.width == width && texture.height == height)
            gl->glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, format.layout, format.type, first);
        else
            gl->glTexImage2D(GL_TEXTURE_2D, 0, format.internal, width, height, 0, format.layout, format.type,
                             first);
        gl->glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
        texture.internal = format.internal;
        texture.width = width;
        texture.height = height;
        bytes -= texture.bytes;
        texture.bytes = size_t(pixels.rect.width * pixels.rect.height) * image.bytesPerSample() *
                        size_t(image.channels());
        bytes += texture.bytes;
        texture.provisional = pixels.provisional;
    }
    // A texture of the tile, uploading it if the budget allows; null: nothing to draw yet. `more`: draw
    // again.
    Texture* textureOf(LayerTextures& textures, TilePyramid& pyramid, const TileKey& key, bool& more) {
        const auto found = textures.tiles.find(key);
        const bool have = found != textures.tiles.end();
        if (have && !(found->second.provisional && pyramid.levelReady(key.level)))
            return &found->second;
        if (uploadedThisFrame && budget.elapsed() > kUploadBudgetMs) {
            more = true;
            return have ? &found->second : nullptr;
        }
        const TilePixels pixels = pyramid.tile(key);
        if (!pixels.owner)
            return have ? &found->second : nullptr;
        Texture& texture = have ? found->second : textures.tiles[key];
        upload(texture, pixels);
        uploadedThisFrame = true;
        return &texture;
    }
    void dropOldTextures() {
        for (auto layer = layers.begin(); layer != layers.end();) {
            const bool gone = layer->second.pyramid.expired();
            for (auto tile = layer->second.tiles.begin(); tile != layer->second.tiles.end();) {
                const bool old = bytes > kTextureLimit && tile->second.lastFrame + 1 < frame;
                if (!gone && !old) {
                    ++tile;
                    continue;
                }
                if (gone && spares.size() < kSpares) {
                    spares.push_back(tile->second);
                } else {
                    gl->glDeleteTextures(1, &tile->second.name);
                    bytes -= tile->second.bytes;
                }
                tile = layer->second.tiles.erase(tile);
            }
            layer = gone ? layers.erase(layer) : std::next(layer);
        }
    }
};

TileRenderer::TileRenderer() : d_(std::make_unique<Private>()) {}
TileRenderer::~TileRenderer() = default;

void TileRenderer::initialize() {
    d_->gl = QOpenGLVersionFunctionsFactory::get<QOpenGLFunctions_3_3_Core>(QOpenGLContext::currentContext());
    if (!d_->gl) {
        log::error("OpenGL 3.3 core is needed to show pictures; this display offers less");
        return;
    }
    d_->colorProgram = d_->program(kColorShader);
    d_->floatProgram = d_->program(kFloatShader);
    d_->scalarProgram = d_->program(kScalarShader);
    d_->gl->glGenVertexArrays(1, &d_->vertexArray);
}

void TileRenderer::release() {
    if (!d_->gl)
        return;
    for (auto& [pyramid, layer] : d_->layers)
        for (auto& [key, texture] : layer.tiles)
            d_->gl->glDeleteTextures(1, &texture.name);
    for (const Private::Texture& texture : d_->spares)
        d_->gl->glDeleteTextures(1, &texture.name);
    for (auto& [map, texture] : d_->tables)
        d_->gl->glDeleteTextures(1, &texture);
    d_->gl->glDeleteVertexArrays(1, &d_->vertexArray);
    d_ = std::make_unique<Private>();
}

size_t TileRenderer::textureBytes() const {
    return d_->bytes;
}

void TileRenderer::beginFrame() {
    ++d_->frame;
    d_->budget.restart();
    d_->uploadedThisFrame = false;
    if (d_->gl)
        d_->dropOldTextures();
}

bool TileRenderer::draw(const Layer& layer, const std::shared_ptr<TilePyramid>& pyramid, const Camera& camera,
                        QSize viewport) {
    if (!d_->gl || layer.isEmpty() || layer.rectInImage.isEmpty())
        return false;
    auto* gl = d_->gl;
    const Image& image = *layer.image;
    const TileGeometry& geometry = pyramid->geometry();
    const double pixelSide = camera.scale * layer.rectInImage.width() / double(image.width());
    const int level = geometry.levelForScale(pixelSide);
    const bool isFloatColor = !layer.display.scalar && image.sampleType() == SampleType::F32;
    const bool isScalar = layer.display.scalar || image.channels() < 3;
    QOpenGLShaderProgram& program = isScalar       ? *d_->scalarProgram
                                    : isFloatColor ? *d_->floatProgram
                                                   : *d_->colorProgram;
    program.bind();
    program.setUniformValue("uTile", 0);
    gl->glBindVertexArray(d_->vertexArray);
    if (isScalar) {
        // Integer samples arrive as fractions of full scale.
        const double unit = image.sampleType() == SampleType::U8    ? 255.0
                            : image.sampleType() == SampleType::U16 ? 65535.0
                                                                    : 1.0;
        const ValueRange range = layer.display.scalar ? layer.display.range : ValueRange{0, unit};
        const double span = std::max(range.high - range.low, 1e-12);
        gl->glActiveTexture(GL_TEXTURE1);
        gl->glBindTexture(GL_TEXTURE_2D, d_->colorTableTexture(layer.display.scalar ? layer.display.colorMap
                                                                                    : ColorMap::Grey));
        program.setUniformValue("uTable", 1);
        program.setUniformValue("uRange", float(unit / span), float(-range.low / span));
        gl->glActiveTexture(GL_TEXTURE0);
    } else if (isFloatColor) {
        program.setUniformValue("uTone", float(std::exp2(layer.display.exposure)),
                                float(1.0 / layer.display.gamma));
    }
    const QPointF topLeft = layer.layerFromImage(camera.imageFromScreen({0, 0}, viewport));
    const QPointF bottomRight = layer.layerFromImage(
        camera.imageFromScreen({double(viewport.width()), double(viewport.height())}, viewport));
    const QRectF region = QRectF(topLeft, bottomRight);
    auto& textures = d_->layers[pyramid.get()];
    textures.pyramid = pyramid;
    const bool linear = layer.display.smooth || pixelSide < 1.0;
    bool more = false;

    const auto drawTile = [&](const TileKey& key, Private::Texture& texture) {
        texture.lastFrame = d_->frame;
        const TileRect inner = geometry.tileRect(key), outer = geometry.borderedRect(key);
        const double step = double(int64_t(1) << key.level);
        const QPointF a = camera.screenFromImage(
            layer.imageFromLayer({double(inner.x) * step, double(inner.y) * step}), viewport);
        const QPointF b = camera.screenFromImage(
            layer.imageFromLayer({std::min(double(inner.x + inner.width) * step, double(image.width())),
                                  std::min(double(inner.y + inner.height) * step, double(image.height()))}),
            viewport);
        program.setUniformValue(
            "uScreen", float(a.x() / viewport.width() * 2 - 1), float(1 - a.y() / viewport.height() * 2),
            float(b.x() / viewport.width() * 2 - 1), float(1 - b.y() / viewport.height() * 2));
        const double left = double(inner.x - outer.x), top = double(inner.y - outer.y);
        program.setUniformValue("uTexture", float(left / double(outer.width)),
                                float(top / double(outer.height)),
                                float((left + double(inner.width)) / double(outer.width)),
                                float((top + double(inner.height)) / double(outer.height)));
        gl->glBindTexture(GL_TEXTURE_2D, texture.name);
        if (texture.linear != linear) {
            texture.linear = linear;
            gl->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, linear ? GL_LINEAR : GL_NEAREST);
            gl->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, linear ? GL_LINEAR : GL_NEAREST);
        }
        gl->glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
    };

    std::vector<std::pair<TileKey, Private::Texture*>> ready;
    bool complete = true;
    for (const TileKey& key : geometry.visibleTiles(level, region)) {
        if (Private::Texture* texture = d_->textureOf(textures, *pyramid, key, more))
            ready.emplace_back(key, texture);
        else
            complete = false;
    }
    // Holes show the coarsest level, which is one tile.
    const int coarsest = geometry.levelCount() - 1;
    if (!complete && level != coarsest) {
        bool ignored = false;
        if (Private::Texture* texture = d_->textureOf(textures, *pyramid, {coarsest, 0, 0}, ignored))
            drawTile({coarsest, 0, 0}, *texture);
    }
    for (const auto& [key, texture] : ready)
        drawTile(key, *texture);
    gl->glBindVertexArray(0);
    program.release();
    return more;
}

}  // namespace vitrine
