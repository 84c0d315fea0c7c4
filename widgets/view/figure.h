// Figures for papers: a layer with its colour bar, a title and the provenance line that says how to make it
// again.
#pragma once

#include "core/base/result.h"
#include "widgets/view/layer.h"

#include <QImage>
#include <QString>
#include <filesystem>

namespace vitrine {

struct Figure {
    Layer layer;
    QString title;
    QString provenance;  // one line; also kept in the file's metadata
    int width = 1200;    // pixels of the picture part
};

// The layer's own pixels as they are displayed (colour map, range, exposure).
QImage renderLayer(const Layer& layer);
// The whole figure on white.
QImage renderFigure(const Figure& figure);
// PNG or SVG by the file name's ending, written atomically.
Result<void> writeFigure(const Figure& figure, const std::filesystem::path& file);

}  // namespace vitrine
