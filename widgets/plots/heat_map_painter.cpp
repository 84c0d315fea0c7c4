// How a HeatMap is laid out and drawn.
#include "widgets/plots/heat_map_view.h"

#include <QFontMetricsF>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kMargin = 8, kGap = 6, kBarWidth = 12;
constexpr int kBarTicks = 4;  // spaces between marked values of the colour bar

QString numberText(double value) {
    return QString::number(value, 'g', 3);
}

double widest(const QFontMetricsF& metrics, const HeatMap& map) {
    double width = 0;
    for (int row = 0; row < map.rows; ++row)
        width = std::max(width, metrics.horizontalAdvance(map.rowLabel(row)));
    return width;
}

double widestColumn(const QFontMetricsF& metrics, const HeatMap& map) {
    double width = 0;
    for (int column = 0; column < map.columns; ++column)
        width = std::max(width, metrics.horizontalAdvance(map.columnLabel(column)));
    return width;
}

double barLabelWidth(const QFontMetricsF& metrics, const HeatMap& map) {
    double width = 0;
    for (const QString& key : map.keys)
        width = std::max(width, metrics.horizontalAdvance(key));
    if (!map.keys.isEmpty())
        return width;
    for (int tick = 0; tick <= kBarTicks; ++tick)
        width = std::max(
            width, metrics.horizontalAdvance(numberText(map.low + (map.high - map.low) * tick / kBarTicks)));
    return width;
}

// Every n-th label such that neighbours do not touch, and always the last.
bool isWritten(int index, int count, double cell, double side) {
    const int step = std::max(1, int(std::ceil(side / std::max(1.0, cell))));
    return index + 1 == count || (index % step == 0 && (step == 1 || index + step < count));
}

void paintCells(QPainter& painter, const HeatMap& map, const HeatMapLayout& layout) {
    QImage image(map.columns, map.rows, QImage::Format_RGB32);
    for (int row = 0; row < map.rows; ++row)
        for (int column = 0; column < map.columns; ++column) {
            const Rgb8 color = colorOf(map.colors, map.at(row, column), map.low, map.high);
            image.setPixel(column, map.rowsUpwards ? map.rows - 1 - row : row,
                           qRgb(color.r, color.g, color.b));
        }
    painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
    painter.drawImage(layout.cells, image);
}

void paintLabels(QPainter& painter, const HeatMap& map, const HeatMapLayout& layout) {
    const QFontMetricsF metrics(painter.font(), painter.device());
    for (int row = 0; row < map.rows; ++row)
        if (isWritten(row, map.rows, layout.cell, metrics.height())) {
            const double y = layout.cellRect(map, row, 0).center().y();
            painter.drawText(
                QRectF(0, y - metrics.height(), layout.cells.left() - kGap, 2 * metrics.height()),
                Qt::AlignRight | Qt::AlignVCenter, map.rowLabel(row));
        }
    const double width = widestColumn(metrics, map) + kGap;
    for (int column = 0; column < map.columns; ++column)
        if (isWritten(column, map.columns, layout.cell, width)) {
            const double x = layout.cellRect(map, 0, column).center().x();
            painter.drawText(QRectF(x - width, layout.cells.bottom() + 2, 2 * width, metrics.height()),
                             Qt::AlignCenter, map.columnLabel(column));
        }
}

void paintTitles(QPainter& painter, const HeatMap& map, const HeatMapLayout& layout,
                 const HeatMapColors& colors) {
    const QFontMetricsF metrics(painter.font(), painter.device());
    painter.setPen(colors.secondaryText);
    if (!map.columnTitle.isEmpty())
        painter.drawText(
            QRectF(0, layout.cells.bottom() + metrics.height() + 4,
                   std::max(layout.bar.right(), layout.cells.right()) + kMargin, metrics.height()),
            Qt::AlignCenter, metrics.elidedText(map.columnTitle, Qt::ElideMiddle, layout.bar.right()));
    if (!map.rowTitle.isEmpty()) {
        painter.save();
        painter.translate(kMargin, layout.cells.center().y());
        painter.rotate(-90);
        const double length = std::max(layout.cells.height(), 40.0) + 2 * metrics.height();
        painter.drawText(QRectF(-length / 2, 0, length, metrics.height()), Qt::AlignCenter,
                         metrics.elidedText(map.rowTitle, Qt::ElideMiddle, length));
        painter.restore();
    }
    if (map.title.isEmpty())
        return;
    painter.setPen(colors.text);
    painter.drawText(QRectF(kMargin, kMargin, layout.bar.right() + 3 * kMargin, metrics.height()),
                     Qt::AlignLeft,
                     metrics.elidedText(map.title, Qt::ElideRight, layout.bar.right() + 2 * kMargin));
}

// A square of its colour for each key, the largest value on top as in a colour bar.
void paintKeys(QPainter& painter, const HeatMap& map, const HeatMapLayout& layout,
               const HeatMapColors& colors) {
    const QFontMetricsF metrics(painter.font(), painter.device());
    const double line = metrics.height() + kGap;
    for (int key = 0; key < map.keys.size(); ++key) {
        const Rgb8 color = colorOf(map.colors, map.low + key, map.low, map.high);
        const double y = layout.bar.top() + line * double(map.keys.size() - 1 - key);
        const QRectF square(layout.bar.left(), y, kBarWidth, kBarWidth);
        painter.fillRect(square, QColor(color.r, color.g, color.b));
        painter.setPen(colors.border);
        painter.drawRect(square);
        painter.setPen(colors.text);
        painter.drawText(
            QRectF(square.right() + 4, square.center().y() - metrics.height(), 200, 2 * metrics.height()),
            Qt::AlignLeft | Qt::AlignVCenter, map.keys[key]);
    }
}

void paintBar(QPainter& painter, const HeatMap& map, const HeatMapLayout& layout,
              const HeatMapColors& colors) {
    QImage image(1, 256, QImage::Format_RGB32);
    for (int step = 0; step < 256; ++step) {
        const Rgb8 color = colorTable(map.colors)[size_t(255 - step)];
        image.setPixel(0, step, qRgb(color.r, color.g, color.b));
    }
    painter.setRenderHint(QPainter::SmoothPixmapTransform, true);
    painter.drawImage(layout.bar, image);
    painter.setPen(colors.border);
    painter.drawRect(layout.bar);
    painter.setPen(colors.text);
    const QFontMetricsF metrics(painter.font(), painter.device());
    const int ticks = layout.bar.height() > 5 * metrics.height() ? kBarTicks : 1;
    for (int tick = 0; tick <= ticks; ++tick) {
        const double y = layout.bar.bottom() - layout.bar.height() * tick / ticks;
        painter.drawText(QRectF(layout.bar.right() + 4, y - metrics.height(), 100, 2 * metrics.height()),
                         Qt::AlignLeft | Qt::AlignVCenter,
                         numberText(map.low + (map.high - map.low) * tick / ticks));
    }
}

}  // namespace

QRectF HeatMapLayout::cellRect(const HeatMap& map, int row, int column) const {
    const int line = map.rowsUpwards ? map.rows - 1 - row : row;
    return {cells.left() + column * cell, cells.top() + line * cell, cell, cell};
}

std::optional<QPoint> HeatMapLayout::cellAt(const HeatMap& map, QPointF position) const {
    if (map.isEmpty() || cell <= 0 || !cells.contains(position))
        return std::nullopt;
    const int column = std::min(int((position.x() - cells.left()) / cell), map.columns - 1);
    const int line = std::min(int((position.y() - cells.top()) / cell), map.rows - 1);
    return QPoint(column, map.rowsUpwards ? map.rows - 1 - line : line);
}

HeatMapLayout layOutHeatMap(const HeatMap& map, QSizeF size, const QFont& font) {
    HeatMapLayout layout;
    if (map.isEmpty())
        return layout;
    const QFontMetricsF metrics(font);
    const double line = metrics.height() + 2;
    const double left = kMargin + (map.rowTitle.isEmpty() ? 0 : line) + widest(metrics, map) + kGap;
    const double right = 2 * kGap + kBarWidth + kGap + barLabelWidth(metrics, map) + kMargin;
    const double top = kMargin + (map.title.isEmpty() ? line / 2 : line + kGap);
    const double bottom = line + (map.columnTitle.isEmpty() ? 0 : line) + kMargin;
    const double width = std::max(1.0, size.width() - left - right);
    const double height = std::max(1.0, size.height() - top - bottom);
    layout.cell = std::min(width / map.columns, height / map.rows);
    const QSizeF cells(layout.cell * map.columns, layout.cell * map.rows);
    layout.cells = QRectF({left + (width - cells.width()) / 2, top + (height - cells.height()) / 2}, cells);
    layout.bar = QRectF(layout.cells.right() + 2 * kGap, layout.cells.top(), kBarWidth,
                        std::max(cells.height(), 2 * line));
    return layout;
}

void paintHeatMap(QPainter& painter, const HeatMap& map, const HeatMapLayout& layout,
                  const HeatMapColors& colors) {
    if (map.isEmpty())
        return;
    paintCells(painter, map, layout);
    painter.setPen(colors.text);
    paintLabels(painter, map, layout);
    paintTitles(painter, map, layout, colors);
    map.keys.isEmpty() ? paintBar(painter, map, layout, colors) : paintKeys(painter, map, layout, colors);
}

}  // namespace vitrine
