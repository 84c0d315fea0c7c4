// Colours of runs and of states, chosen by the palette's lightness so that they read on dark and light.
#pragma once

#include "core/runs/run_store.h"

#include <QColor>
#include <QPalette>

namespace vitrine {

inline bool isDarkPalette(const QPalette& palette) {
    return palette.color(QPalette::Window).lightness() < 128;
}

// The `index`-th colour for lines and dots; ten that are told apart, then again with another lightness.
QColor seriesColor(int index, const QPalette& palette);
QColor statusColor(RunStatus status, const QPalette& palette);
QColor errorColor(const QPalette& palette);
QColor differenceColor(const QPalette& palette);  // behind cells that differ
QColor secondaryColor(const QPalette& palette);   // captions

}  // namespace vitrine
