// Where a chart's legend stands: in a corner that no data lie in, else above all of them, else outside of the
// plot.
#include "widgets/plots/chart_private.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kInset = 12;          // pixels between the legend and the frame, as QCustomPlot lays it out
constexpr double kMostOfHeight = 0.5;  // of the plot, that may be left to the legend
constexpr qsizetype kFewPoints = 400;  // lines between so few points are looked at as well
constexpr int kParts = 12;             // of such a line
constexpr double kPoint = 6;           // pixels around a point, or beside a line, that are not covered
constexpr int kEdge = 6;               // pixels between a legend outside and the chart's edge

constexpr Qt::Alignment kCorners[] = {Qt::AlignTop | Qt::AlignLeft, Qt::AlignTop | Qt::AlignRight,
                                      Qt::AlignBottom | Qt::AlignLeft, Qt::AlignBottom | Qt::AlignRight};

QRectF cornerRect(const QRectF& area, QSizeF size, Qt::Alignment corner) {
    QRectF rect(QPointF(), size);
    rect.moveLeft(corner & Qt::AlignLeft ? area.left() + kInset : area.right() - kInset - size.width());
    rect.moveTop(corner & Qt::AlignTop ? area.top() + kInset : area.bottom() - kInset - size.height());
    return rect;
}

// How much of a series lies in a rectangle of the plot: bars, points, and parts of the lines between few.
int coveredBy(const QRectF& legend, const ChartSeries& series, const QCPAxis* xAxis, const QCPAxis* yAxis) {
    int count = 0;
    const QRectF rect = legend.adjusted(-kPoint, -kPoint, kPoint, kPoint);
    const auto pixel = [&](double x, double y) {
        return QPointF(xAxis->coordToPixel(x), yAxis->coordToPixel(y));
    };
    const bool lines = (series.line || series.curve) && series.x.size() <= kFewPoints;
    QPointF before(std::nan(""), 0);
    for (qsizetype index = 0; index < series.x.size(); ++index) {
        const double x = series.x[index], y = series.y.value(index);
        if (!std::isfinite(x) || !std::isfinite(y)) {
            before.setX(std::nan(""));
            continue;
        }
        if (series.barWidth > 0) {
            const QRectF bar(pixel(x - series.barWidth / 2, y),
                             pixel(x + series.barWidth / 2, series.low.value(index, 0)));
            count += bar.normalized().intersects(legend);
            continue;
        }
        const QPointF here = pixel(x, y);
        count += rect.contains(here);
        for (const QVector<double>* edge : {&series.low, &series.high})
            if (index < edge->size())
                count += rect.contains(pixel(x, (*edge)[index]));
        if (lines && !std::isnan(before.x()))
            for (int part = 1; part < kParts; ++part)
                count += rect.contains(before + (here - before) * part / kParts);
        before = here;
    }
    return count;
}

// One entry below another, or side by side in so many columns.
void arrange(QCPLegend& legend, int columns) {
    legend.setWrap(columns);
    legend.setFillOrder(columns > 0 ? QCPLegend::foColumnsFirst : QCPLegend::foRowsFirst);
}

// Below the plot or beside it, wherever more is left of the plot; false where hardly anything would be.
bool moveOutside(PlotCanvas& plot) {
    QCPLegend& legend = *plot.legend;
    const QSize area = plot.axisRect()->rect().size(), whole = plot.viewport().size();
    const QSize column = legend.minimumOuterSizeHint() + QSize(kEdge, kEdge);
    arrange(legend, std::clamp(whole.width() / column.width(), 1, legend.itemCount()));
    const QSize row = legend.minimumOuterSizeHint() + QSize(kEdge, kEdge);
    const QSize above = area - QSize(0, row.height() + plot.plotLayout()->rowSpacing()),
                left = area - QSize(column.width() + plot.plotLayout()->columnSpacing(), 0);
    const bool fitsBelow = row.width() <= whole.width() && above.height() >= kLeastSide,
               fitsBeside = column.height() <= whole.height() && left.width() >= kLeastSide;
    const bool below =
        fitsBelow && (!fitsBeside || above.width() * above.height() >= left.width() * left.height());
    if (!below)
        arrange(legend, 0);
    if (!fitsBelow && !fitsBeside)
        return false;
    // A holder of its own, as a cell of the layout would stretch the legend.
    auto* holder = new QCPLayoutInset;
    holder->setMinimumSize(below ? QSize(0, row.height()) : QSize(column.width(), 0));
    holder->setMaximumSize(below ? QSize(QWIDGETSIZE_MAX, row.height())
                                 : QSize(column.width(), QWIDGETSIZE_MAX));
    plot.plotLayout()->addElement(below ? 1 : 0, below ? 0 : 1, holder);
    holder->addElement(&legend, below ? Qt::AlignHCenter | Qt::AlignTop : Qt::AlignLeft | Qt::AlignTop);
    plot.layOut();
    return true;
}

}  // namespace

void takeLegendInside(QCustomPlot& plot) {
    auto* inside = plot.axisRect()->insetLayout();
    QCPLayout* outside = plot.legend->layout();
    if (outside == inside)
        return;
    inside->addElement(plot.legend, kCorners[0]);
    plot.plotLayout()->remove(outside);
    plot.plotLayout()->simplify();
    arrange(*plot.legend, 0);
}

void Chart::placeLegend() {
    QCPLegend* legend = d_->plot->legend;
    if (!legend->visible())
        return;
    QCPAxis* y = d_->plot->yAxis;
    const QRectF area = d_->plot->axisRect()->rect();
    const QSizeF size = legend->minimumOuterSizeHint();
    int counts[4] = {};
    for (int corner = 0; corner < 4; ++corner)
        for (const ChartSeries& series : series_)
            counts[corner] += coveredBy(cornerRect(area, size, kCorners[corner]), series, d_->plot->xAxis, y);
    auto best = std::min_element(std::begin(counts), std::end(counts)) - std::begin(counts);
    const double part = (size.height() + 2 * kInset) / std::max(1.0, area.height());
    const bool fits =
        size.width() + 2 * kInset <= area.width() && size.height() + 2 * kInset <= area.height();
    if (fits && counts[best] > 0 && part <= kMostOfHeight && !d_->equalScale) {
        const QCPRange range = y->range();
        const double longer = 1 / (1 - part);
        y->setRangeUpper(y->scaleType() == QCPAxis::stLogarithmic
                             ? range.lower * std::pow(range.upper / range.lower, longer)
                             : range.lower + range.size() * longer);
        best = counts[0] < counts[1] ? 0 : 1;
    } else if ((!fits || counts[best] > 0) && moveOutside(*d_->plot)) {
        fitRanges();
        return;
    }
    d_->plot->axisRect()->insetLayout()->setInsetAlignment(0, kCorners[best]);
}

}  // namespace vitrine
