#include "widgets/runs/linked_charts.h"

#include "widgets/runs/run_columns.h"

#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QSlider>
#include <cmath>

namespace vitrine {

constexpr int kChartHeight = 116;

LinkedCharts::LinkedCharts(QWidget* parent)
    : QWidget(parent),
      axis_(new QComboBox),
      smoothing_(new QSlider(Qt::Horizontal)),
      logarithmic_(new QCheckBox(tr("log"))),
      scroll_(new QScrollArea),
      column_(nullptr) {
    axis_->setObjectName("chartsAxis");
    axis_->addItems({tr("by step"), tr("by running time"), tr("by clock")});
    axis_->setToolTip(tr("The x axis of all charts"));
    smoothing_->setObjectName("chartsSmoothing");
    smoothing_->setRange(0, 99);
    smoothing_->setMaximumWidth(110);
    smoothing_->setToolTip(
        tr("Exponential smoothing of all curves; the unsmoothed ones stay faintly behind"));
    smoothing_->setAccessibleName(tr("Smoothing"));
    logarithmic_->setObjectName("chartsLog");
    logarithmic_->setToolTip(tr("Logarithmic y axes"));
    auto* tools = new QHBoxLayout;
    tools->addWidget(axis_);
    tools->addWidget(new QLabel(tr("smooth")));
    tools->addWidget(smoothing_);
    tools->addWidget(logarithmic_);
    tools->addStretch(1);
    auto* page = new QWidget;
    column_ = new QVBoxLayout(page);
    column_->setContentsMargins(0, 0, 0, 0);
    column_->setSpacing(2);
    column_->addStretch(1);
    scroll_->setWidget(page);
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(6, 4, 0, 0);
    layout->addLayout(tools);
    layout->addWidget(scroll_, 1);
    connect(scroll_->verticalScrollBar(), &QScrollBar::valueChanged, this, &LinkedCharts::drawVisible);
    connect(axis_, &QComboBox::currentIndexChanged, this, [this](int index) {
        options_.axis = ChartAxis(index);
        applyOptions();
        emit optionsChanged();
    });
    connect(smoothing_, &QSlider::valueChanged, this, [this](int value) {
        options_.smoothing = value / 100.0;
        applyOptions();
        emit optionsChanged();
    });
    connect(logarithmic_, &QCheckBox::toggled, this, [this](bool on) {
        options_.logY = on;
        applyOptions();
        emit optionsChanged();
    });
}

MetricChart* LinkedCharts::chart(const QString& title) const {
    return items_.value(title).chart;
}

LinkedCharts::Item LinkedCharts::makeItem(const ChartGroup& group) {
    Item item;
    item.frame = new QWidget;
    auto* layout = new QVBoxLayout(item.frame);
    layout->setContentsMargins(0, 2, 0, 0);
    layout->setSpacing(0);
    item.head = new QLabel;
    item.head->setObjectName("chartHead:" + group.title);
    item.head->setTextFormat(Qt::RichText);
    item.head->setWordWrap(true);
    item.chart = new MetricChart(group.title);
    item.chart->setObjectName("chart:" + group.title);
    item.chart->makeBare();
    item.chart->setFixedHeight(kChartHeight);
    item.chart->setOptions(options_);
    item.chart->setMarks(marks_);
    layout->addWidget(item.head);
    layout->addWidget(item.chart);
    connect(item.chart, &MetricChart::rangeChosen, this, [this, moved = item.chart](double low, double high) {
        for (const Item& other : std::as_const(items_))
            if (other.chart != moved)
                other.chart->showRange(low, high);
    });
    connect(item.chart, &MetricChart::allChosen, this, [this] {
        for (const Item& other : std::as_const(items_))
            other.chart->showAll();
    });
    connect(item.chart, &MetricChart::failed, this, &LinkedCharts::failed);
    connect(item.chart, &MetricChart::saved, this, &LinkedCharts::saved);
    return item;
}

// Title, unit, and each line's name in its colour with its newest value: the legend.
void LinkedCharts::fillHead(const Item& item, const ChartGroup& group) const {
    QString text = "<b>" + group.title.toHtmlEscaped() + "</b>";
    if (!group.unit.isEmpty())
        text += " (" + group.unit.toHtmlEscaped() + ")";
    QStringList plain;
    for (const MetricSeries& line : group.lines) {
        if (line.points->empty())
            continue;
        const double newest = line.points->back().value;
        const QString value =
            std::isfinite(newest) ? QString::number(newest, 'g', 4) : QString::number(newest);
        // A line ends between two entries, not within one.
        text += QString(" &nbsp;<span style='color:%1'>%2&nbsp;%3&nbsp;%4</span>")
                    .arg(line.color.name(), line.dashed ? "╌" : "━", line.label.toHtmlEscaped(), value);
        plain.append(line.label + " " + value);
    }
    item.head->setText(text);
    item.head->setToolTip(group.help);
    item.chart->setAccessibleDescription(plain.join(", "));
}

void LinkedCharts::setGroups(std::vector<ChartGroup> groups) {
    QMap<QString, Item> before = std::exchange(items_, {});
    for (size_t index = 0; index < groups.size(); ++index) {
        ChartGroup& group = groups[index];
        Item item = before.contains(group.title) ? before.take(group.title) : makeItem(group);
        fillHead(item, group);
        item.lines = std::move(group.lines);
        item.waiting = true;
        if (column_->indexOf(item.frame) != int(index))
            column_->insertWidget(int(index), item.frame);
        items_[group.title] = item;
    }
    for (const Item& item : std::as_const(before))
        delete item.frame;
    drawVisible();
}

// A run writes every second and most charts are out of sight: those wait.
void LinkedCharts::drawVisible() {
    const QRect sight(QPoint(0, 0), scroll_->viewport()->size());
    for (Item& item : items_) {
        const QRect place(item.frame->mapTo(scroll_->viewport(), QPoint(0, 0)), item.frame->size());
        if (!item.waiting || !isVisible() || !place.intersects(sight))
            continue;
        item.waiting = false;
        item.chart->setSeries(std::move(item.lines));
    }
}

void LinkedCharts::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    drawVisible();
}

void LinkedCharts::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    drawVisible();
}

void LinkedCharts::setMarks(const std::vector<ChartMark>& marks) {
    marks_ = marks;
    for (const Item& item : std::as_const(items_))
        item.chart->setMarks(marks_);
}

void LinkedCharts::setOptions(const ChartOptions& options) {
    options_ = options;
    const QSignalBlocker blocked[] = {QSignalBlocker(axis_), QSignalBlocker(smoothing_),
                                      QSignalBlocker(logarithmic_)};
    axis_->setCurrentIndex(int(options.axis));
    smoothing_->setValue(int(std::lround(options.smoothing * 100)));
    logarithmic_->setChecked(options.logY);
    applyOptions();
}

void LinkedCharts::applyOptions() {
    for (const Item& item : std::as_const(items_))
        item.chart->setOptions(options_);
}

}  // namespace vitrine
