#include "widgets/runs/metric_chart.h"

#include "widgets/base/axis_scale.h"
#include "widgets/base/plot_canvas.h"
#include "widgets/runs/run_colors.h"

#include <QTimer>
#include <QVBoxLayout>
#include <cmath>

namespace vitrine {

MetricChart::MetricChart(const QString& metric, QWidget* parent)
    : QWidget(parent), metric_(metric), plot_(new PlotCanvas), rebuildTimer_(new QTimer(this)) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName("Chart of " + metric);
    setMinimumSize(260, 200);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(plot_);
    auto* title = new QCPTextElement(plot_, metric_);
    QFont titleFont = font();
    titleFont.setBold(true);
    title->setFont(titleFont);
    title->setObjectName("title");
    plot_->plotLayout()->insertRow(0);
    plot_->plotLayout()->addElement(0, 0, title);
    plot_->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    plot_->axisRect()->setRangeZoom(Qt::Horizontal);
    plot_->setFocusProxy(this);
    plot_->setMouseTracking(true);
    plot_->installEventFilter(this);
    cursor_ = new QCPItemLine(plot_);
    reading_ = new QCPItemText(plot_);
    reading_->setPadding(QMargins(7, 5, 7, 5));
    reading_->setTextAlignment(Qt::AlignLeft);
    reading_->setClipToAxisRect(false);
    hideReadOut();
    rebuildTimer_->setSingleShot(true);
    rebuildTimer_->setInterval(15);
    connect(rebuildTimer_, &QTimer::timeout, this, [this] {
        rebuild();
        draw();
    });
    connect(plot_->xAxis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, [this] {
        if (updating_)
            return;
        zoomed_ = true;
        rebuildTimer_->start();
        emit rangeChosen(plot_->xAxis->range().lower, plot_->xAxis->range().upper);
    });
    connect(plot_, &QCustomPlot::mouseDoubleClick, this, [this] {
        showAll();
        emit allChosen();
    });
    connect(plot_, &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) { readOut(event->pos()); });
    applyColors();
    applyAxes();
}

void MetricChart::setSeries(std::vector<MetricSeries> series) {
    series_ = std::move(series);
    if (zoomed_) {
        rebuild();
        draw();
    } else {
        showAll();
    }
}

void MetricChart::setOptions(const ChartOptions& options) {
    if (options.axis != options_.axis || options.logX != options_.logX)
        zoomed_ = false;
    options_ = options;
    applyAxes();
    if (zoomed_) {
        rebuild();
        draw();
    } else {
        showAll();
    }
}

void MetricChart::showAll() {
    zoomed_ = false;
    rebuild();
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const ChartLine& line : lines_)
        if (!line.x.isEmpty()) {
            low = std::min(low, line.x.front());
            high = std::max(high, line.x.back());
        }
    if (low <= high) {
        updating_ = true;
        const double margin = options_.logX || high == low ? 0 : (high - low) * 0.01;
        plot_->xAxis->setRange(low - margin, high == low ? low + 1 : high + margin);
        updating_ = false;
    }
    draw();
}

void MetricChart::showRange(double low, double high) {
    if (!(low < high))
        return;
    updating_ = true;
    plot_->xAxis->setRange(low, high);
    updating_ = false;
    zoomed_ = true;
    rebuildTimer_->start();
}

void MetricChart::makeBare() {
    if (std::exchange(bare_, true))
        return;
    plot_->plotLayout()->removeAt(0);
    plot_->plotLayout()->simplify();
    setMinimumHeight(90);
    applyAxes();
    plot_->replot(QCustomPlot::rpQueuedReplot);
}

void MetricChart::rebuild() {
    ChartOptions options = options_;
    options.maxPoints = size_t(std::max(400, plot_->axisRect()->width() * 4));
    if (zoomed_)
        options.range = std::pair{plot_->xAxis->range().lower, plot_->xAxis->range().upper};
    lines_ = chartLines(series_, options);
    rawLines_.clear();
    if (options.smoothing > 0 && !options.seedBands) {
        options.smoothing = 0;
        rawLines_ = chartLines(series_, options);
    }
}

void MetricChart::draw() {
    plot_->clearGraphs();
    const auto add = [this](const ChartLine& line, const QVector<double>& y, const QPen& pen) {
        QCPGraph* graph = plot_->addGraph();
        graph->setData(line.x, y, true);
        graph->setPen(pen);
        if (line.x.size() == 1)
            graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, line.color, 6));
        return graph;
    };
    for (const ChartLine& line : rawLines_) {
        QColor faint = line.color;
        faint.setAlphaF(0.22f);
        add(line, line.y, QPen(faint, 1));
    }
    for (const ChartLine& line : lines_)
        if (line.isBand()) {
            QColor fill = line.color;
            fill.setAlphaF(0.2f);
            QCPGraph* low = add(line, line.low, Qt::NoPen);
            QCPGraph* high = add(line, line.high, Qt::NoPen);
            high->setBrush(fill);
            high->setChannelFillGraph(low);
        }
    for (const ChartLine& line : lines_)
        add(line, line.y,
            QPen(line.color, line.isBand() ? 2.0 : 1.6, line.dashed ? Qt::DashLine : Qt::SolidLine));
    placeMarks();
    fitY();
    plot_->replot(QCustomPlot::rpQueuedReplot);
}

void MetricChart::fitY() {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    const QCPRange x = plot_->xAxis->range();
    for (const ChartLine& line : lines_)
        for (qsizetype i = 0; i < line.x.size(); ++i)
            if (line.x[i] >= x.lower && line.x[i] <= x.upper && std::isfinite(line.y[i])) {
                low = std::min(
                    {low, line.y[i], line.isBand() && std::isfinite(line.low[i]) ? line.low[i] : line.y[i]});
                high = std::max({high, line.y[i],
                                 line.isBand() && std::isfinite(line.high[i]) ? line.high[i] : line.y[i]});
            }
    if (low > high)
        return;
    if (options_.logY) {
        plot_->yAxis->setRange(low / 1.15, high * 1.15);
    } else {
        const double margin = high > low ? (high - low) * 0.06 : std::max(std::abs(high) * 0.1, 1e-9);
        plot_->yAxis->setRange(low - margin, high + margin);
    }
}

void MetricChart::applyAxes() {
    updating_ = true;
    setAxisScale(plot_->xAxis, options_.logX && options_.axis != ChartAxis::WallTime);
    setAxisScale(plot_->yAxis, options_.logY);
    if (options_.axis == ChartAxis::WallTime) {
        QSharedPointer<QCPAxisTickerDateTime> ticker(new QCPAxisTickerDateTime);
        ticker->setDateTimeFormat("MM-dd\nHH:mm");
        ticker->setTickCount(4);
        plot_->xAxis->setTicker(ticker);
    }
    updating_ = false;
    plot_->xAxis->setLabel(bare_                                      ? QString()
                           : options_.axis == ChartAxis::Step         ? "step"
                           : options_.axis == ChartAxis::RelativeTime ? "time since start (s)"
                                                                      : "time");
}

void MetricChart::applyColors() {
    const QColor text = palette().color(QPalette::WindowText);
    const QColor caption = secondaryColor(palette());
    QColor grid = palette().color(QPalette::Mid);
    plot_->setBackground(palette().color(QPalette::Window));
    for (QCPAxis* axis : {plot_->xAxis, plot_->yAxis}) {
        axis->setBasePen(QPen(caption));
        axis->setTickPen(QPen(caption));
        axis->setSubTickPen(Qt::NoPen);
        axis->setTickLabelColor(caption);
        axis->setLabelColor(caption);
        axis->grid()->setPen(QPen(grid, 1, Qt::DotLine));
        axis->grid()->setZeroLinePen(QPen(grid));
        QFont small = font();
        small.setPixelSize(11);
        axis->setTickLabelFont(small);
        axis->setLabelFont(small);
    }
    if (auto* title = qobject_cast<QCPTextElement*>(plot_->plotLayout()->element(0, 0)))
        title->setTextColor(text);
    cursor_->setPen(QPen(caption, 1, Qt::DashLine));
    reading_->setColor(text);
    QColor back = palette().color(QPalette::Base);
    back.setAlphaF(0.93f);
    reading_->setBrush(back);
    reading_->setPen(QPen(grid));
    QFont small = font();
    small.setPixelSize(11);
    reading_->setFont(small);
}

}  // namespace vitrine
