// Where a chart's legend stands and what its axis writes, on charts of the size they have on a page.
#include "widgets/plots/chart.h"

#include "tests/widgets/qt_fixture.h"

#include <gmock/gmock.h>
#include <qcustomplot.h>

#include <cmath>

namespace vitrine {
namespace {

using ::testing::ElementsAre;

struct ChartTest : ::testing::Test {
    ChartTest() { testing::qtApplication(); }
    void show(std::vector<ChartSeries> series, QSize size = {420, 300}) {
        chart = std::make_unique<Chart>();
        chart->setSeries(std::move(series));
        chart->resize(size);
        chart->show();
        plot = chart->findChild<QCustomPlot*>();
        ASSERT_TRUE(plot);
        settle();
    }
    void settle() {
        testing::waitUntil([] { return false; }, 60);
        plot->replot();
    }
    // Points and bars of all series under the legend.
    int covered() const {
        const QRectF legend = plot->legend->outerRect();
        int count = 0;
        for (const ChartSeries& series : chart->series())
            for (qsizetype index = 0; index < series.x.size(); ++index) {
                const QPointF end(plot->xAxis->coordToPixel(series.x[index]),
                                  plot->yAxis->coordToPixel(series.y[index]));
                const QRectF bar(end, QPointF(end.x() + 1, plot->yAxis->coordToPixel(0)));
                count += series.barWidth > 0 ? bar.normalized().intersects(legend) : legend.contains(end);
            }
        return count;
    }
    std::vector<double> ticks() const {
        QVector<double> at;
        const QCPRange range = plot->xAxis->range();
        plot->xAxis->ticker()->generate(range, QLocale(), 'g', 5, at, nullptr, nullptr);
        std::vector<double> inside;
        for (const double tick : at)
            if (range.contains(tick))
                inside.push_back(tick);
        return inside;
    }
    std::unique_ptr<Chart> chart;
    QCustomPlot* plot = nullptr;
};

ChartSeries wave(const char* name, double shift, int points) {
    ChartSeries series;
    series.name = name;
    for (int index = 0; index < points; ++index) {
        series.x.append(index);
        series.y.append(1.5 + std::sin(40.0 * index / points + shift));  // through all corners
    }
    return series;
}

TEST_F(ChartTest, TheLegendStandsInAFreeCorner) {
    ChartSeries rising, falling;
    rising.name = "rises";
    falling.name = "rises later";
    for (int index = 0; index < 20; ++index) {
        rising.x.append(index);
        falling.x.append(index);
        rising.y.append(index);
        falling.y.append(std::max(0, index - 4));
    }
    show({rising, falling});
    EXPECT_EQ(covered(), 0);
    // Nothing is changed about the range for it.
    EXPECT_NEAR(plot->yAxis->range().upper, 19 * 1.03, 1e-9);
}

// A point is larger than its place.
TEST_F(ChartTest, TheLegendKeepsAwayFromPoints) {
    ChartSeries rising, lone;
    rising.name = "rises";
    rising.x = rising.y = {0, 10};
    lone.name = "alone";
    lone.line = false;
    lone.points = true;
    lone.x = {9};
    lone.y = {1};
    show({rising, lone});
    const QRect legend = plot->legend->outerRect();
    ASSERT_LT(legend.center().x(), plot->width() / 2);
    lone.x.append(plot->xAxis->pixelToCoord(legend.right() + 3));
    lone.y.append(plot->yAxis->pixelToCoord(legend.bottom() - 5));
    chart->setSeries({rising, lone});
    settle();
    const QPointF beside(plot->xAxis->coordToPixel(lone.x[1]), plot->yAxis->coordToPixel(lone.y[1]));
    EXPECT_FALSE(plot->legend->outerRect().adjusted(-5, -5, 5, 5).contains(beside.toPoint()));
}

TEST_F(ChartTest, WhereNoCornerIsFreeItStandsAboveTheData) {
    show({wave("the first of three", 0, 200), wave("the second of them", 2, 200), wave("third", 4, 200)});
    EXPECT_EQ(covered(), 0);
    EXPECT_GT(plot->yAxis->range().upper, 3);
    // Smaller, the same legend is a larger part of the plot.
    const double before = plot->yAxis->range().upper;
    chart->resize(420, 220);
    settle();
    EXPECT_EQ(covered(), 0);
    EXPECT_GT(plot->yAxis->range().upper, before);
    // What a user has zoomed into stays.
    plot->yAxis->setRange(1, 2);
    chart->resize(420, 260);
    settle();
    EXPECT_EQ(plot->yAxis->range(), QCPRange(1, 2));
}

TEST_F(ChartTest, WhereItWouldTakeMostOfThePlotItStandsOutside) {
    const std::vector<ChartSeries> waves{wave("where it is right", 0, 200),
                                         wave("where it is wrong", 2, 200)};
    for (const QSize size : {QSize(230, 150), QSize(420, 110), QSize(190, 200)}) {
        show(waves, size);
        const QRect plotted = plot->axisRect()->rect(), legend = plot->legend->outerRect();
        EXPECT_EQ(covered(), 0) << size.width();
        EXPECT_TRUE(plot->rect().adjusted(0, 0, -4, -4).contains(legend))
            << size.width() << ": " << legend.x() << ", " << legend.y() << ", " << legend.width() << " x "
            << legend.height();
        EXPECT_FALSE(plotted.intersects(legend)) << size.width();
        EXPECT_GE(std::min(plotted.width(), plotted.height()), 40) << size.width();
        EXPECT_NEAR(plot->yAxis->range().upper, 2.5 + 0.06, 0.02) << size.width();  // no room is left above
    }
    // With room it comes back in, and one series has none.
    chart->resize(420, 300);
    settle();
    EXPECT_TRUE(plot->axisRect()->rect().contains(plot->legend->outerRect()));
    EXPECT_EQ(covered(), 0);
    chart->resize(230, 150);
    settle();
    EXPECT_FALSE(plot->axisRect()->rect().intersects(plot->legend->outerRect()));
    const int before = plot->axisRect()->rect().height();
    chart->setSeries({waves[0]});
    settle();
    EXPECT_GT(plot->axisRect()->rect().height(), before);
    // Of equal scales no room above can be made.
    show(waves, {420, 300});
    chart->setEqualScale(true);
    settle();
    EXPECT_EQ(covered(), 0);
    EXPECT_NEAR(plot->xAxis->range().size() / plot->axisRect()->width(),
                plot->yAxis->range().size() / plot->axisRect()->height(), 1e-6);
}

TEST_F(ChartTest, AValueBetweenGapsIsAPoint) {
    ChartSeries series = wave("with gaps", 0, 9);
    const double gap = std::nan("");
    for (const qsizetype index : {0, 4, 6})
        series.y[index] = gap;
    show({series});
    ASSERT_EQ(plot->graphCount(), 2);
    int shown = 0;
    for (const QCPGraphData& point : *plot->graph(1)->data())
        if (!std::isnan(point.value)) {
            EXPECT_EQ(point.key, 5);
            ++shown;
        }
    EXPECT_EQ(shown, 1);
    show({wave("without", 0, 9)});
    EXPECT_EQ(plot->graphCount(), 1);
}

// What Qt and QCustomPlot say where they draw on nothing.
QStringList& complaints() {
    static QStringList said;
    return said;
}

TEST_F(ChartTest, WithoutPixelsNothingIsDrawn) {
    complaints().clear();
    const auto before = qInstallMessageHandler([](QtMsgType, const QMessageLogContext&, const QString& text) {
        if (text.contains("paint", Qt::CaseInsensitive))
            complaints().append(text);
    });
    show({wave("one", 0, 9), wave("another", 1, 9)});
    for (const QSize size : {QSize(0, 200), QSize(300, 0), QSize(0, 0), QSize(320, 240)}) {
        plot->resize(size);
        plot->replot();
        chart->setSeries(chart->series());
        settle();
    }
    EXPECT_TRUE(complaints().isEmpty()) << complaints().join('\n').toStdString();
    EXPECT_EQ(plot->viewport().size(), QSize(320, 240));
    QCustomPlot plain;  // says it: the test can fail
    plain.show();
    plain.resize(0, 200);
    plain.replot();
    qInstallMessageHandler(before);
    EXPECT_FALSE(complaints().isEmpty());
}

TEST_F(ChartTest, BarsReachFromZero) {
    ChartSeries before = wave("before", 0, 12), after = wave("after", 0.2, 12);
    before.barWidth = after.barWidth = 0.4;
    show({before, after});
    EXPECT_EQ(covered(), 0);
}

TEST_F(ChartTest, BarsCanStandOnOthers) {
    ChartSeries lower, upper;
    lower.x = upper.x = {0, 1};
    lower.y = upper.low = {1, 2};
    upper.y = {3, 3};
    lower.barWidth = upper.barWidth = 0.5;
    lower.color = chartColor(0);
    upper.color = chartColor(1);
    const auto colorAt = [&](double x, double y) {
        const QPoint at(int(plot->xAxis->coordToPixel(x)), int(plot->yAxis->coordToPixel(y)));
        return plot->toPixmap(plot->width(), plot->height()).toImage().pixelColor(at);
    };
    show({lower});
    const QColor alone = colorAt(0, 0.5);
    show({upper, lower});
    chart->setLegendShown(false);
    settle();
    EXPECT_NEAR(plot->yAxis->range().upper, 3 * 1.03, 1e-9);
    // Nothing of the upper part shines through the lower one.
    EXPECT_EQ(colorAt(0, 0.5), alone);
    EXPECT_EQ(colorAt(1, 1.5), alone);
    EXPECT_NE(colorAt(0, 2), alone);
    EXPECT_NE(colorAt(0, 2), colorAt(0.5, 2));  // beside the bars
}

TEST_F(ChartTest, NothingIsWrittenBetweenWholeNumbers) {
    ChartSeries chunks;
    chunks.x = {0, 1, 2, 3};
    chunks.y = {0.2, 0.3, 0.5, 0.4};
    show({chunks});
    EXPECT_THAT(ticks(), ElementsAre(0, 1, 2, 3));
    // Bars beside one another belong to the number between them.
    ChartSeries left = chunks, right = chunks;
    left.barWidth = right.barWidth = 0.4;
    for (qsizetype index = 0; index < 4; ++index) {
        left.x[index] -= 0.2;
        right.x[index] += 0.2;
    }
    show({left, right});
    EXPECT_THAT(ticks(), ElementsAre(0, 1, 2, 3));
    // Parts keep their places in between, and so do bins of a histogram.
    chunks.x = {0, 0.25, 0.5, 1};
    show({chunks});
    EXPECT_GT(ticks().size(), 4u);
    left.barWidth = 0.1;
    show({left});
    EXPECT_GT(ticks().size(), 4u);
}

}  // namespace
}  // namespace vitrine
