#include "widgets/plots/chart.h"

#include "core/base/file.h"
#include "widgets/base/theme.h"

#include <qcustomplot.h>

#include <QBuffer>
#include <QSvgGenerator>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// Okabe and Ito (2008), without black.
QColor seriesColor(size_t index) {
    static const char* const colors[] = {"#56b4e9", "#e69f00", "#009e73", "#cc79a7",
                                         "#d55e00", "#3b82f6", "#b8a800"};
    return QColor(colors[index % std::size(colors)]);
}

}  // namespace

struct Chart::Private {
    QCustomPlot* plot = nullptr;
};

Chart::Chart(QWidget* parent) : QWidget(parent), d_(std::make_unique<Private>()) {
    d_->plot = new QCustomPlot;
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(d_->plot);
    d_->plot->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    d_->plot->setNoAntialiasingOnDrag(true);
    d_->plot->legend->setVisible(false);
    connect(d_->plot, &QCustomPlot::mouseDoubleClick, this, &Chart::showAll);
    connect(d_->plot, &QCustomPlot::plottableClick, this, [this](QCPAbstractPlottable* plottable, int index) {
        for (int graph = 0; graph < d_->plot->graphCount(); ++graph)
            if (d_->plot->graph(graph) == plottable)
                emit pointClicked(plottable->property("series").toInt(), index);
    });
    connect(&Theme::instance(), &Theme::changed, this, &Chart::applyTheme);
    applyTheme();
}

Chart::~Chart() = default;

void Chart::applyTheme() {
    const ThemeColors& colors = Theme::instance().colors();
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
    d_->plot->replot(QCustomPlot::rpQueuedReplot);
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
    const auto apply = [](QCPAxis* axis, bool logarithmic) {
        axis->setScaleType(logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
        axis->setTicker(logarithmic ? QSharedPointer<QCPAxisTicker>(new QCPAxisTickerLog)
                                    : QSharedPointer<QCPAxisTicker>(new QCPAxisTicker));
        axis->setNumberFormat(logarithmic ? "eb" : "gb");
        axis->setNumberPrecision(logarithmic ? 0 : 5);
    };
    apply(d_->plot->xAxis, x);
    apply(d_->plot->yAxis, y);
    showAll();
}

void Chart::setSeries(std::vector<ChartSeries> series) {
    series_ = std::move(series);
    rebuild();
    showAll();
}

void Chart::rebuild() {
    d_->plot->clearGraphs();
    for (size_t index = 0; index < series_.size(); ++index) {
        ChartSeries& series = series_[index];
        if (!series.color.isValid())
            series.color = seriesColor(index);
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
        graph->setPen(QPen(series.color, 1.6));
        graph->setLineStyle(series.line ? QCPGraph::lsLine : QCPGraph::lsNone);
        if (series.points)
            graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, series.color, 6));
    }
    d_->plot->legend->setVisible(series_.size() > 1);
}

void Chart::showAll() {
    d_->plot->rescaleAxes();
    for (QCPAxis* axis : {d_->plot->xAxis, d_->plot->yAxis}) {
        const bool logarithmic = axis->scaleType() == QCPAxis::stLogarithmic;
        const QCPRange range = axis->range();
        if (!logarithmic && range.size() > 0)
            axis->setRange(range.lower - range.size() * 0.03, range.upper + range.size() * 0.03);
        else if (logarithmic && range.lower <= 0)
            axis->setRangeLower(std::max(range.upper * 1e-6, 1e-12));
    }
    d_->plot->replot(QCustomPlot::rpQueuedReplot);
}

QString Chart::toCsv() const {
    QString csv = "series,x,y,low,high\n";
    for (const ChartSeries& series : series_)
        for (qsizetype index = 0; index < series.x.size(); ++index) {
            QString name = series.name;
            csv +=
                QStringLiteral("\"%1\",%2,%3,%4,%5\n")
                    .arg(name.replace('"', "\"\""), QString::number(series.x[index], 'g', 17),
                         QString::number(series.y.value(index), 'g', 17),
                         series.low.isEmpty() ? QString() : QString::number(series.low.value(index), 'g', 17),
                         series.high.isEmpty() ? QString()
                                               : QString::number(series.high.value(index), 'g', 17));
        }
    return csv;
}

QPixmap Chart::toPixmap(int width, int height) {
    return d_->plot->toPixmap(width, height);
}

Result<void> Chart::save(const std::filesystem::path& file) {
    const std::string extension = file.extension().string();
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    if (extension == ".csv") {
        bytes = toCsv().toUtf8();
    } else if (extension == ".png") {
        toPixmap(1200, 800).save(&buffer, "PNG");
    } else if (extension == ".svg") {
        QSvgGenerator generator;
        generator.setOutputDevice(&buffer);
        generator.setSize({1200, 800});
        generator.setViewBox(QRect(0, 0, 1200, 800));
        QCPPainter painter(&generator);
        d_->plot->toPainter(&painter, 1200, 800);
        painter.end();
    } else {
        return fail(ErrorCode::InvalidArgument, "a chart is saved as .png, .svg or .csv", file.string());
    }
    return writeFileAtomically(file, std::string_view(bytes.constData(), size_t(bytes.size())));
}

}  // namespace vitrine
