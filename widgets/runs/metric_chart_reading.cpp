// Marks across the chart and the read-out under the mouse.
#include "widgets/runs/metric_chart.h"
#include "widgets/runs/run_columns.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {

constexpr int kMaxReadings = 12;
constexpr int kMarkReach = 6;  // pixels of the screen

void MetricChart::setMarks(std::vector<ChartMark> marks) {
    marks_ = std::move(marks);
    placeMarks();
    plot_->replot(QCustomPlot::rpQueuedReplot);
}

double MetricChart::xOf(const ChartMark& mark) const {
    if (options_.axis == ChartAxis::Step)
        return double(mark.step);
    if (options_.axis == ChartAxis::WallTime)
        return mark.time;
    double origin = std::numeric_limits<double>::infinity();
    for (const MetricSeries& series : series_)
        if (!series.points->empty())
            origin =
                std::min(origin, series.timeOrigin > 0 ? series.timeOrigin : series.points->front().time);
    return mark.time - origin;
}

void MetricChart::placeMarks() {
    while (markLines_.size() > marks_.size()) {
        plot_->removeItem(markLines_.back());
        markLines_.pop_back();
    }
    while (markLines_.size() < marks_.size()) {
        auto* line = new QCPItemLine(plot_);
        // From the top to the bottom of the chart, whatever its y axis shows.
        for (QCPItemPosition* position : {line->start, line->end})
            position->setTypeY(QCPItemPosition::ptAxisRectRatio);
        markLines_.push_back(line);
    }
    for (size_t index = 0; index < marks_.size(); ++index) {
        const double x = xOf(marks_[index]);
        markLines_[index]->start->setCoords(x, 0);
        markLines_[index]->end->setCoords(x, 1);
        markLines_[index]->setPen(QPen(marks_[index].color, 1, Qt::DotLine));
        markLines_[index]->setVisible(std::isfinite(x));
    }
}

QString MetricChart::xText(double x) const {
    return options_.axis == ChartAxis::Step           ? QString("step %1").arg(qint64(std::llround(x)))
           : options_.axis == ChartAxis::RelativeTime ? durationText(x)
                                                      : timeText(x);
}

void MetricChart::readOut(const QPoint& position) {
    if (!plot_->axisRect()->rect().contains(position)) {
        hideReadOut();
        return;
    }
    const double x = plot_->xAxis->pixelToCoord(position.x());
    const double reach = plot_->xAxis->range().size() * 0.05;
    std::vector<ChartReading> readings = readingsAt(lines_, x, reach);
    if (readings.empty()) {
        hideReadOut();
        return;
    }
    // Nearest to the mouse first.
    const double y = plot_->yAxis->pixelToCoord(position.y());
    std::sort(readings.begin(), readings.end(), [y](const ChartReading& a, const ChartReading& b) {
        return std::abs(a.y - y) < std::abs(b.y - y);
    });
    QStringList text{xText(readings.front().x)};
    for (int i = 0; i < int(std::min<size_t>(readings.size(), kMaxReadings)); ++i) {
        const ChartReading& reading = readings[i];
        const QString spread =
            reading.deviation ? QString(" ± ") + QString::number(*reading.deviation, 'g', 3) : QString();
        text += QString("%1%2   %3").arg(QString::number(reading.y, 'g', 5), spread, reading.label);
    }
    if (readings.size() > kMaxReadings)
        text += QString("… and %1 more").arg(readings.size() - kMaxReadings);
    for (const ChartMark& mark : marks_)
        if (std::abs(plot_->xAxis->coordToPixel(xOf(mark)) - position.x()) < kMarkReach)
            text += "┆ " + mark.text;
    const bool left = position.x() > plot_->axisRect()->center().x();
    reading_->setText(text.join('\n'));
    reading_->position->setType(QCPItemPosition::ptAbsolute);
    reading_->setPositionAlignment((left ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignTop);
    reading_->position->setCoords(position.x() + (left ? -12 : 12), plot_->axisRect()->top() + 4);
    cursor_->start->setCoords(readings.front().x, plot_->yAxis->range().lower);
    cursor_->end->setCoords(readings.front().x, plot_->yAxis->range().upper);
    reading_->setVisible(true);
    cursor_->setVisible(true);
    plot_->replot(QCustomPlot::rpQueuedReplot);
}

void MetricChart::hideReadOut() {
    reading_->setVisible(false);
    cursor_->setVisible(false);
    plot_->replot(QCustomPlot::rpQueuedReplot);
}

}  // namespace vitrine
