#include "tests/widgets/qt_fixture.h"
#include "widgets/plots/heat_map_view.h"

#include <gtest/gtest.h>

#include <QPainter>
#include <QSignalSpy>
#include <QTest>
#include <cmath>

namespace vitrine {
namespace {

HeatMap sampleMap() {
    HeatMap map;
    map.rows = 3;
    map.columns = 5;
    for (int cell = 0; cell < 15; ++cell)
        map.values.push_back(cell / 14.0);
    map.rowLabels = {"0", "1", "final"};
    map.rowTitle = "layer of A";
    map.columnTitle = "layer of B";
    map.valueTitle = "CKA";
    map.rowsUpwards = true;
    return map;
}

TEST(HeatMap, CellsAreWhereTheyArePainted) {
    testing::qtApplication();
    const HeatMap map = sampleMap();
    const HeatMapLayout layout = layOutHeatMap(map, {400, 300}, QFont());
    ASSERT_GT(layout.cell, 10);
    for (int row = 0; row < map.rows; ++row)
        for (int column = 0; column < map.columns; ++column)
            EXPECT_EQ(layout.cellAt(map, layout.cellRect(map, row, column).center()), QPoint(column, row));
    // The first row lies below the last.
    EXPECT_GT(layout.cellRect(map, 0, 0).top(), layout.cellRect(map, 2, 0).top());
    EXPECT_FALSE(layout.cellAt(map, {1, 1}));
    EXPECT_FALSE(layout.cellAt(map, layout.cells.bottomRight() + QPointF(2, 2)));
    EXPECT_LE(layout.bar.right(), 400);
    EXPECT_LE(layout.cells.bottom(), 300);

    QImage image(400, 300, QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    paintHeatMap(painter, map, layout, {Qt::white, Qt::black, Qt::black, Qt::black, Qt::black});
    painter.end();
    for (int row = 0; row < map.rows; ++row) {
        const Rgb8 wanted = colorOf(map.colors, map.at(row, 4), 0, 1);
        EXPECT_EQ(image.pixelColor(layout.cellRect(map, row, 4).center().toPoint()),
                  QColor(wanted.r, wanted.g, wanted.b));
    }
}

// States in place of a scale: a square of each one's colour, and its name, inside the picture.
TEST(HeatMap, WholeNumbersCanHaveNames) {
    testing::qtApplication();
    HeatMap map = sampleMap();
    for (double& value : map.values)
        value = std::floor(3 * value);
    map.high = 3;
    map.keys = {"out of use", "has left", "in use", "has entered"};
    const HeatMapLayout layout = layOutHeatMap(map, {400, 300}, QFont());
    const QFontMetricsF metrics{QFont()};
    EXPECT_LE(layout.bar.right() + metrics.horizontalAdvance("has entered"), 400);
    QImage image(400, 300, QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    paintHeatMap(painter, map, layout, {Qt::white, Qt::black, Qt::black, Qt::black, Qt::black});
    painter.end();
    for (int key = 0; key < 4; ++key) {
        const Rgb8 wanted = colorOf(map.colors, key, 0, 3);
        bool found = false;
        for (int y = int(layout.bar.top()); y < 300 && !found; ++y)
            found = image.pixelColor(int(layout.bar.center().x()), y) == QColor(wanted.r, wanted.g, wanted.b);
        EXPECT_TRUE(found) << map.keys[key].toStdString();
    }
}

TEST(HeatMap, TellsTheValueUnderCursorAndKeys) {
    testing::qtApplication();
    HeatMapView view;
    view.resize(400, 320);
    view.setMap(sampleMap());
    QSignalSpy clicked(&view, &HeatMapView::cellClicked);
    EXPECT_TRUE(view.readout().isEmpty());
    view.setCell(QPoint(4, 2));
    EXPECT_EQ(view.readout(), "CKA 1   layer of A: final   layer of B: 4");
    QTest::keyClick(&view, Qt::Key_Down);
    EXPECT_EQ(view.cell(), QPoint(4, 1));
    QTest::keyClick(&view, Qt::Key_Right);
    EXPECT_EQ(view.cell(), QPoint(4, 1));
    QTest::keyClick(&view, Qt::Key_Return);
    ASSERT_EQ(clicked.size(), 1);
    EXPECT_EQ(clicked[0][0].toInt(), 1);
    QTest::mouseClick(&view, Qt::LeftButton, {}, view.cellRect(0, 1).center().toPoint());
    ASSERT_EQ(clicked.size(), 2);
    EXPECT_EQ(clicked[1][0].toInt(), 0);
    EXPECT_EQ(clicked[1][1].toInt(), 1);
    view.setMap({});
    EXPECT_TRUE(view.readout().isEmpty());
    QTest::keyClick(&view, Qt::Key_Up);
    EXPECT_FALSE(view.cell());
    EXPECT_FALSE(view.toImage().isNull());
}

}  // namespace
}  // namespace vitrine
