// The window's icons: line drawings on a 24-unit grid that take the theme's text colour.
#pragma once

#include <QIcon>
#include <QString>

namespace vitrine {

// Known names: inspect, runs, folder, image, model, search, undo, redo, sun, moon, grid1, grid2, grid4,
// grid6, lock, unlock, probe, export, close, info, cancel, scatter, gallery, chart, text, plus, warning, fit,
// link, play, sliders, cube, camera, copy. An unknown name gives an empty icon.
QIcon themedIcon(const QString& name);
// The same in a colour of its own.
QPixmap iconPixmap(const QString& name, const QColor& color, int side, double devicePixelRatio);

}  // namespace vitrine
