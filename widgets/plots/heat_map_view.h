// A matrix as colours, with labels, a colour bar and the value under the cursor. Arrow keys move from cell to
// cell; it follows the theme and can be copied or saved as a picture on white.
#pragma once

#include "core/media/color_map.h"

#include <QImage>
#include <QStringList>
#include <QWidget>
#include <functional>
#include <optional>
#include <vector>

class QPainter;

namespace vitrine {

struct HeatMap {
    std::vector<double> values;  // rows x columns; NaN: no value
    int rows = 0, columns = 0;
    double low = 0, high = 1;  // of the colours
    ColorMap colors = ColorMap::Viridis;
    QStringList rowLabels, columnLabels;  // empty: numbers from 0
    QString title, rowTitle, columnTitle;
    QString valueTitle;        // what the values are: "CKA"
    QStringList keys;          // what the whole numbers from `low` on mean: named in place of the colour bar
    bool rowsUpwards = false;  // the first row lies at the bottom, as layers of a comparison are shown
    // What is read out of a cell; empty: value and labels.
    std::function<QString(int row, int column)> describe;

    bool isEmpty() const {
        return rows <= 0 || columns <= 0 || values.size() != size_t(rows) * size_t(columns);
    }
    double at(int row, int column) const { return values[size_t(row) * size_t(columns) + size_t(column)]; }
    QString rowLabel(int row) const { return rowLabels.value(row, QString::number(row)); }
    QString columnLabel(int column) const { return columnLabels.value(column, QString::number(column)); }
};

// What the painter needs of a theme, and where it put things.
struct HeatMapColors {
    QColor background, text, secondaryText, border, cursor;
};
struct HeatMapLayout {
    QRectF cells, bar;
    double cell = 0;  // side of a cell; cells are squares

    QRectF cellRect(const HeatMap& map, int row, int column) const;
    // Row and column under a position.
    std::optional<QPoint> cellAt(const HeatMap& map, QPointF position) const;
};
HeatMapLayout layOutHeatMap(const HeatMap& map, QSizeF size, const QFont& font);
void paintHeatMap(QPainter& painter, const HeatMap& map, const HeatMapLayout& layout,
                  const HeatMapColors& colors);

class HeatMapView : public QWidget {
    Q_OBJECT
  public:
    explicit HeatMapView(QWidget* parent = nullptr);

    void setMap(HeatMap map);
    const HeatMap& map() const { return map_; }
    // The cell under the cursor or chosen by keys. x: column, y: row.
    std::optional<QPoint> cell() const { return cell_; }
    void setCell(std::optional<QPoint> cell);
    // "CKA 0.834   layer of A: 3   layer of B: 5"; empty without a cursor.
    QString readout() const;
    QRectF cellRect(int row, int column) const { return layout_.cellRect(map_, row, column); }
    // The map on white, without the cursor.
    QImage toImage(QSize size = {1200, 1000}) const;
    QSize sizeHint() const override { return {360, 340}; }

  signals:
    void cellClicked(int row, int column);
    void cellChanged();  // the one under the cursor

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    void layOut();
    QSizeF mapSize() const;  // the line with the value under the cursor lies below

    HeatMap map_;
    HeatMapLayout layout_;
    std::optional<QPoint> cell_;
};

}  // namespace vitrine
