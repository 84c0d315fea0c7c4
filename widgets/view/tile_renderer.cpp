#include "widgets/view/tile_renderer.h"

#include "core/base/log.h"
#include "widgets/view/tile_textures.h"

#include <QOpenGLFunctions_3_3_Core>
#include <QOpenGLShaderProgram>
#include <QOpenGLVersionFunctionsFactory>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

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

}  // namespace

struct TileRenderer::Private {
    QOpenGLFunctions_3_3_Core* gl = nullptr;
    std::unique_ptr<QOpenGLShaderProgram> colorProgram, floatProgram, scalarProgram;
    std::unique_ptr<TileTextures> textures;  // as long as there is an OpenGL to draw with
    GLuint vertexArray = 0;

    std::unique_ptr<QOpenGLShaderProgram> program(const char* fragment) {
        auto made = std::make_unique<QOpenGLShaderProgram>();
        if (!made->addShaderFromSourceCode(QOpenGLShader::Vertex, kVertexShader) ||
            !made->addShaderFromSourceCode(QOpenGLShader::Fragment, fragment) || !made->link())
            log::error("a shader of the picture view does not compile: {}", made->log().toStdString());
        return made;
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
    d_->textures = std::make_unique<TileTextures>(d_->gl);
}

void TileRenderer::release() {
    if (!d_->gl)
        return;
    d_->textures->release();
    d_->gl->glDeleteVertexArrays(1, &d_->vertexArray);
    d_ = std::make_unique<Private>();
}

size_t TileRenderer::textureBytes() const {
    return d_->textures ? d_->textures->bytes() : 0;
}

void TileRenderer::beginFrame() {
    if (d_->textures)
        d_->textures->beginFrame();
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
        gl->glBindTexture(GL_TEXTURE_2D, d_->textures->colorTableTexture(
                                             layer.display.scalar ? layer.display.colorMap : ColorMap::Grey));
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
    TileTextures& textures = *d_->textures;
    TileTextures::Tiles& tiles = textures.tilesOf(pyramid);
    const bool linear = layer.display.smooth || pixelSide < 1.0;
    bool more = false;

    const auto drawTile = [&](const TileKey& key, TileTextures::Texture& texture) {
        texture.lastFrame = textures.frame();
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

    std::vector<std::pair<TileKey, TileTextures::Texture*>> ready;
    bool complete = true;
    for (const TileKey& key : geometry.visibleTiles(level, region)) {
        if (TileTextures::Texture* texture = textures.textureOf(tiles, *pyramid, key, more))
            ready.emplace_back(key, texture);
        else
            complete = false;
    }
    // Holes show the coarsest level, which is one tile.
    const int coarsest = geometry.levelCount() - 1;
    if (!complete && level != coarsest) {
        bool ignored = false;
        if (TileTextures::Texture* texture = textures.textureOf(tiles, *pyramid, {coarsest, 0, 0}, ignored))
            drawTile({coarsest, 0, 0}, *texture);
    }
    for (const auto& [key, texture] : ready)
        drawTile(key, *texture);
    gl->glBindVertexArray(0);
    program.release();
    return more;
}

}  // namespace vitrine
