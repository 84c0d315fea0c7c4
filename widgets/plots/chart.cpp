#include "widgets/plots/chart.h"

#include "widgets/base/axis_scale.h"
#include "widgets/base/theme.h"
#include "widgets/plots/chart_private.h"

#include <QToolTip>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace vitrine {

namespace {

constexpr double kLeastCountedBar = 0.25;  // thinner ones are bins of a histogram
constexpr double kLonePoint = 3;           // pixels

// A line shows nothing of a value that stands alone between gaps: it gets a point.
void addLonePoints(QCustomPlot& plot, const ChartSeries& series, int index) {
    const auto isGap = [&](qsizetype at) { return std::isnan(series.y.value(at, std::nan(""))); };
    QVector<double> alone;
    for (qsizetype at = 0; at < series.x.size(); ++at)
        alone.append(isGap(at - 1) && isGap(at + 1) ? series.y.value(at) : std::nan(""));
    if (std::all_of(alone.begin(), alone.end(), [](double y) { return std::isnan(y); }))
        return;
    QCPGraph* graph = plot.addGraph();
    graph->setProperty("series", index);
    graph->setData(series.x, alone);
    graph->setLineStyle(QCPGraph::lsNone);
    graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, series.color, kLonePoint));
    graph->removeFromLegend();
}

// Bars from `low`, if there is one: on others that are not seen.
void addBars(QCustomPlot& plot, const ChartSeries& series, int index) {
    auto* bars = new QCPBars(plot.xAxis, plot.yAxis);
    QColor fill = series.color;
    fill.setAlpha(series.dashed ? 70 : 210);
    bars->setProperty("series", index);
    bars->setName(series.name);
    bars->setWidth(series.barWidth);
    bars->setPen(QPen(series.color, 1));
    bars->setBrush(fill);
    if (series.low.size() != series.x.size()) {
        bars->setData(series.x, series.y);
        return;
    }
    auto* below = new QCPBars(plot.xAxis, plot.yAxis);
    below->setPen(Qt::NoPen);
    below->setBrush(Qt::NoBrush);
    below->setWidth(series.barWidth);
    below->setData(series.x, series.low);
    below->removeFromLegend();
    QVector<double> heights;
    for (qsizetype at = 0; at < series.x.size(); ++at)
        heights.append(series.y.value(at) - series.low[at]);
    bars->setData(series.x, heights);
    bars->moveAbove(below);
}

}  // namespace

// Okabe and Ito (2008), without black.
QColor chartColor(size_t index) {
    static const char* const colors[] = {"#56b4e9", "#e69f00", "#009e73", "#cc79a7",
                                         "#d55e00", "#3b82f6", "#b8a800"};
    return QColor(colors[index % std::size(colors)]);
}

Chart::Chart(QWidget* parent) : QWidget(parent), d_(std::make_unique<Private>()) {
    d_->plot = new PlotCanvas;
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(d_->plot);
    d_->plot->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    d_->plot->setNoAntialiasingOnDrag(true);
    d_->plot->legend->setVisible(false);
    d_->plot->axisRect()->setMinimumSize(kLeastSide, kLeastSide);
    d_->plot->axisRect()->setMinimumMargins({14, 12, 30, 10});  // half of the last name of the x axis
    connect(d_->plot, &QCustomPlot::mouseDoubleClick, this, &Chart::showAll);
    connect(d_->plot, &QCustomPlot::plottableClick, this, [this](QCPAbstractPlottable* plottable, int index) {
        for (int graph = 0; graph < d_->plot->graphCount(); ++graph)
            if (d_->plot->graph(graph) == plottable)
                emit pointClicked(plottable->property("series").toInt(), index);
    });
    connect(d_->plot, &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) {
        const bool inside = d_->plot->axisRect()->rect().contains(event->pos());
        QToolTip::showText(event->globalPosition().toPoint(),
                           inside ? readoutAt(d_->plot->xAxis->pixelToCoord(event->pos().x())) : QString(),
                           d_->plot);
    });
    connect(d_->plot->xAxis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, &Chart::placeXNames);
    connect(&Theme::instance(), &Theme::changed, this, &Chart::applyTheme);
    applyTheme();
}

Chart::~Chart() = default;

void Chart::applyTheme() {
    applyColors(Theme::instance().colors());
    d_->plot->replot(QCustomPlot::rpQueuedReplot);
}

void Chart::applyColors(const ThemeColors& colors) {
    d_->plot->setBackground(colors.panel);
    QFont font = this->font();
    font.setPixelSize(11);
    for (QCPAxis* axis : {d_->plot->xAxis, d_->plot->yAxis}) {
        axis->setBasePen(QPen(colors.border));
        axis->setTickPen(QPen(colors.border));
        axis->setSubTickPen(Qt::NoPen);
        axis->setTickLabelColor(colors.secondaryText);
        axis->setLabelColor(colors.secondaryText);
        axis->setTickLabelFont(font);
        axis->setLabelFont(font);
        axis->grid()->setPen(QPen(colors.border, 1, Qt::DotLine));
        axis->grid()->setZeroLinePen(QPen(colors.border));
    }
    d_->plot->legend->setBrush(colors.raised);
    d_->plot->legend->setBorderPen(QPen(colors.border));
    d_->plot->legend->setTextColor(colors.text);
    d_->plot->legend->setFont(font);
}

void Chart::setTitle(const QString& title) {
    setWindowTitle(title);
}

void Chart::setAxes(const QString& x, const QString& y) {
    d_->plot->xAxis->setLabel(x);
    d_->plot->yAxis->setLabel(y);
    d_->plot->replot(QCustomPlot::rpQueuedReplot);
}

void Chart::setLogarithmic(bool x, bool y) {
    setAxisScale(d_->plot->xAxis, x);
    setAxisScale(d_->plot->yAxis, y);
    showAll();
}

void Chart::setEqualScale(bool equal) {
    d_->equalScale = equal;
    showAll();
}

// Enlarges the range of the axis on which a unit is longer.
void Chart::keepEqualScale() {
    if (!d_->equalScale)
        return;
    QCPAxis* x = d_->plot->xAxis;
    QCPAxis* y = d_->plot->yAxis;
    const QRect area = d_->plot->axisRect()->rect();
    const double perPixelX = x->range().size() / std::max(1, area.width());
    const double perPixelY = y->range().size() / std::max(1, area.height());
    if (perPixelX < perPixelY)
        x->setRange(x->range().center(), perPixelY * area.width(), Qt::AlignCenter);
    else
        y->setRange(y->range().center(), perPixelX * area.height(), Qt::AlignCenter);
}

void Chart::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    // The legend takes another part of the plot; what was zoomed into stays.
    const bool asShown = d_->plot->xAxis->range() == d_->shownX && d_->plot->yAxis->range() == d_->shownY;
    if (!d_->equalScale && !asShown)
        return;
    // The plot inside has its new size only after it was laid out.
    QMetaObject::invokeMethod(this, &Chart::showAll, Qt::QueuedConnection);
}

void Chart::setXNames(const QStringList& names) {
    d_->xNames = names;
    if (names.isEmpty() && d_->plot->xAxis->scaleType() == QCPAxis::stLinear)
        setNumberTicks(d_->plot->xAxis, isCounted());
    placeXNames();
}

// The names that fit side by side, the last among them.
void Chart::placeXNames() {
    if (d_->xNames.isEmpty())
        return;
    const QCPRange range = d_->plot->xAxis->range();
    const QFontMetrics metrics(d_->plot->xAxis->tickLabelFont());
    int widest = 1;
    for (const QString& name : d_->xNames)
        widest = std::max(widest, metrics.horizontalAdvance(name) + 8);
    const double perName = d_->plot->axisRect()->width() / std::max(1e-9, range.size());
    const int count = int(d_->xNames.size()),
              step = std::max(1, int(std::ceil(widest / std::max(0.01, perName))));
    QSharedPointer<QCPAxisTickerText> ticker(new QCPAxisTickerText);
    for (int index = 0; index < count; ++index)
        if (index + 1 == count || (index % step == 0 && (step == 1 || index + step < count)))
            ticker->addTick(index, d_->xNames[index]);
    d_->plot->xAxis->setTicker(ticker);
}

// Values of all series at their nearest points.
QString Chart::readoutAt(double x) const {
    QStringList lines;
    for (const ChartSeries& series : series_) {
        if (series.curve)
            continue;
        qsizetype nearest = -1;
        for (qsizetype index = 0; index < series.x.size(); ++index)
            if (!std::isnan(series.y.value(index)) &&
                (nearest < 0 || std::abs(series.x[index] - x) < std::abs(series.x[nearest] - x)))
                nearest = index;
        if (nearest < 0)
            continue;
        const double at = series.x[nearest];
        lines.append(QStringLiteral("%1  %2: %3")
                         .arg(series.name,
                              d_->xNames.value(int(std::lround(at)), QString::number(at, 'g', 6)),
                              QString::number(series.y[nearest], 'g', 5)));
    }
    return lines.join('\n');
}

void Chart::setSeries(std::vector<ChartSeries> series) {
    series_ = std::move(series);
    rebuild();
    if (d_->xNames.isEmpty() && d_->plot->xAxis->scaleType() == QCPAxis::stLinear)
        setNumberTicks(d_->plot->xAxis, isCounted());
    showAll();
}

// Whether x counts something (steps, chunks, blocks): all points lie at whole numbers, bars at them or
// beside.
bool Chart::isCounted() const {
    constexpr double kTouches = 0.01;
    return std::all_of(series_.begin(), series_.end(), [](const ChartSeries& series) {
        const double beside = series.barWidth > kLeastCountedBar ? series.barWidth / 2 : 0;
        return std::all_of(series.x.begin(), series.x.end(), [beside](double x) {
            return std::isnan(x) || std::abs(x - std::round(x)) <= beside + kTouches;
        });
    });
}

void Chart::setLegendShown(bool shown) {
    legendShown_ = shown;
    d_->plot->legend->setVisible(legendShown_ && series_.size() > 1);
    showAll();
}

void Chart::rebuild() {
    d_->plot->clearPlottables();
    for (size_t index = 0; index < series_.size(); ++index) {
        ChartSeries& series = series_[index];
        if (!series.color.isValid())
            series.color = chartColor(index);
        if (series.barWidth > 0) {
            addBars(*d_->plot, series, int(index));
            continue;
        }
        if (series.curve) {
            auto* curve = new QCPCurve(d_->plot->xAxis, d_->plot->yAxis);
            curve->setProperty("series", int(index));
            curve->setName(series.name);
            curve->setData(series.x, series.y);
            curve->setPen(QPen(series.color, 1.6, series.dashed ? Qt::DashLine : Qt::SolidLine));
            continue;
        }
        if (!series.low.isEmpty() && series.low.size() == series.high.size()) {
            QCPGraph* upper = d_->plot->addGraph();
            QCPGraph* lower = d_->plot->addGraph();
            upper->setData(series.x, series.high, true);
            lower->setData(series.x, series.low, true);
            QColor fill = series.color;
            fill.setAlpha(50);
            upper->setPen(Qt::NoPen);
            lower->setPen(Qt::NoPen);
            upper->setBrush(fill);
            upper->setChannelFillGraph(lower);
            upper->removeFromLegend();
            lower->removeFromLegend();
        }
        QCPGraph* graph = d_->plot->addGraph();
        graph->setProperty("series", int(index));
        graph->setName(series.name);
        graph->setData(series.x, series.y);
        graph->setAdaptiveSampling(true);
        graph->setPen(QPen(series.color, 1.6, series.dashed ? Qt::DashLine : Qt::SolidLine));
        graph->setLineStyle(series.line ? QCPGraph::lsLine : QCPGraph::lsNone);
        if (series.points)
            graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, series.color, 6));
        else
            addLonePoints(*d_->plot, series, int(index));
    }
    d_->plot->legend->setVisible(legendShown_ && series_.size() > 1);
}

// All data, with a margin.
void Chart::fitRanges() {
    d_->plot->rescaleAxes();
    for (QCPAxis* axis : {d_->plot->xAxis, d_->plot->yAxis}) {
        const bool logarithmic = axis->scaleType() == QCPAxis::stLogarithmic;
        const QCPRange range = axis->range();
        if (!logarithmic && range.size() > 0)
            axis->setRange(range.lower - range.size() * 0.03, range.upper + range.size() * 0.03);
        else if (logarithmic && range.lower <= 0)
            axis->setRangeLower(std::max(range.upper * 1e-6, 1e-12));
    }
    keepEqualScale();
    placeXNames();
}

void Chart::showAll() {
    // What is fitted depends on the plot's size, which a resize changes at the next replot only.
    takeLegendInside(*d_->plot);
    d_->plot->layOut();
    fitRanges();
    placeLegend();
    d_->shownX = d_->plot->xAxis->range();
    d_->shownY = d_->plot->yAxis->range();
    d_->plot->replot(QCustomPlot::rpQueuedReplot);
}

}  // namespace vitrine
