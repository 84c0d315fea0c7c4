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

TEST_F(ChartTest, BarsReachFromZero) {
    ChartSeries before = wave("before", 0, 12), after = wave("after", 0.2, 12);
    before.barWidth = after.barWidth = 0.4;
    show({before, after});
    EXPECT_EQ(covered(), 0);
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
