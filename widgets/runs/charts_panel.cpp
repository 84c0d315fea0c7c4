#include "widgets/runs/charts_panel.h"

#include "widgets/runs/metric_chart.h"

#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QSlider>
#include <QSplitter>
#include <algorithm>

namespace vitrine {

constexpr int kChartWidth = 380;
constexpr int kChartHeight = 250;
constexpr int kChosenAtFirst = 4;

ChartsPanel::ChartsPanel(QWidget* parent)
    : QWidget(parent),
      list_(new QListWidget),
      search_(new QLineEdit),
      axis_(new QComboBox),
      smoothing_(new QSlider(Qt::Horizontal)),
      smoothingText_(new QLabel("0.00")),
      logX_(new QCheckBox("log x")),
      logY_(new QCheckBox("log y")),
      bands_(new QCheckBox("seed bands")),
      notice_(new QLabel),
      page_(new QWidget),
      grid_(new QGridLayout(page_)) {
    axis_->addItems({"Step", "Time since start", "Time"});
    axis_->setToolTip("Horizontal axis: step, seconds since the first point, or wall-clock time");
    axis_->setAccessibleName("Horizontal axis");
    smoothing_->setRange(0, 99);
    smoothing_->setMaximumWidth(180);
    smoothing_->setAccessibleName("Smoothing");
    smoothing_->setToolTip("Exponential smoothing weight, 0 to 0.99, without the bias of the start");
    logX_->setToolTip("Logarithmic horizontal axis; points at or below 0 are left out");
    logY_->setToolTip("Logarithmic vertical axis; points at or below 0 are left out");
    bands_->setToolTip(
        "Runs that differ in their seed only become one line:\nmean ± standard deviation (axis: step)");
    notice_->setProperty("role", "secondary");
    notice_->setWordWrap(true);
    notice_->hide();
    auto* tools = new QHBoxLayout;
    tools->setSpacing(10);
    tools->addWidget(axis_);
    tools->addWidget(new QLabel("Smoothing"));
    tools->addWidget(smoothing_);
    tools->addWidget(smoothingText_);
    for (QCheckBox* box : {logX_, logY_, bands_})
        tools->addWidget(box);
    tools->addStretch();

    search_->setPlaceholderText("Metrics");
    search_->setClearButtonEnabled(true);
    list_->setUniformItemSizes(true);
    list_->setObjectName("runMetrics");
    list_->setAccessibleName("Metrics on the charts");
    list_->setToolTip("Ticked metrics are drawn");
    auto* left = new QWidget;
    auto* leftLayout = new QVBoxLayout(left);
    leftLayout->setContentsMargins(0, 0, 0, 0);
    leftLayout->addWidget(search_);
    leftLayout->addWidget(list_);
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidget(page_);
    grid_->setContentsMargins(0, 0, 0, 0);
    auto* splitter = new QSplitter;
    splitter->addWidget(left);
    splitter->addWidget(scroll);
    splitter->setStretchFactor(1, 1);
    splitter->setSizes({170, 700});
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->addLayout(tools);
    layout->addWidget(notice_);
    layout->addWidget(splitter, 1);

    connect(search_, &QLineEdit::textChanged, this, &ChartsPanel::filterMetrics);
    connect(list_, &QListWidget::itemChanged, this, [this] {
        userChose_ = true;
        wantedChoice_ = chosen();
        placeCharts();
        emit chosenChanged(chosen());
    });
    connect(axis_, &QComboBox::currentIndexChanged, this, &ChartsPanel::readOptions);
    connect(smoothing_, &QSlider::valueChanged, this, &ChartsPanel::readOptions);
    for (QCheckBox* box : {logX_, logY_, bands_})
        connect(box, &QCheckBox::toggled, this, &ChartsPanel::readOptions);
}

void ChartsPanel::setMetrics(const QStringList& metrics) {
    QStringList before;
    for (int i = 0; i < list_->count(); ++i)
        before.append(list_->item(i)->text());
    const QStringList chosenBefore = chosen();
    if (before != metrics) {
        const QSignalBlocker block(list_);
        list_->clear();
        list_->setAccessibleDescription(metrics.join(", "));
        for (const QString& metric : metrics) {
            auto* item = new QListWidgetItem(metric, list_);
            const bool wanted =
                userChose_ ? wantedChoice_.contains(metric) : list_->count() <= kChosenAtFirst;
            item->setCheckState(wanted ? Qt::Checked : Qt::Unchecked);
        }
        filterMetrics(search_->text());
        placeCharts();
    }
    if (chosen() != chosenBefore)
        emit chosenChanged(chosen());
}

void ChartsPanel::setChosen(const QStringList& metrics) {
    userChose_ = true;
    wantedChoice_ = metrics;
    {
        const QSignalBlocker block(list_);
        for (int i = 0; i < list_->count(); ++i)
            list_->item(i)->setCheckState(metrics.contains(list_->item(i)->text()) ? Qt::Checked
                                                                                   : Qt::Unchecked);
    }
    placeCharts();
    emit chosenChanged(chosen());
}

QStringList ChartsPanel::chosen() const {
    QStringList out;
    for (int i = 0; i < list_->count(); ++i)
        if (list_->item(i)->checkState() == Qt::Checked)
            out.append(list_->item(i)->text());
    return out;
}

void ChartsPanel::setSeries(const QString& metric, std::vector<MetricSeries> series) {
    if (MetricChart* chart = charts_.value(metric))
        chart->setSeries(std::move(series));
}

void ChartsPanel::setNotice(const QString& text) {
    notice_->setText(text);
    notice_->setVisible(!text.isEmpty());
}

void ChartsPanel::placeCharts() {
    const QStringList metrics = chosen();
    for (const QString& metric : charts_.keys())
        if (!metrics.contains(metric))
            charts_.take(metric)->deleteLater();
    while (grid_->count())
        delete grid_->takeAt(0);
    for (int row = 0; row < grid_->rowCount(); ++row)
        grid_->setRowStretch(row, 0);
    const int columns = std::max(1, (width() - 190) / kChartWidth);
    for (int i = 0; i < metrics.size(); ++i) {
        MetricChart*& chart = charts_[metrics[i]];
        if (!chart) {
            chart = new MetricChart(metrics[i]);
            chart->setMinimumHeight(kChartHeight);
            chart->setOptions(options_);
            connect(chart, &MetricChart::failed, this, &ChartsPanel::failed);
        }
        grid_->addWidget(chart, i / columns, i % columns);
    }
    for (int column = 0; column < std::max(columns, grid_->columnCount()); ++column)
        grid_->setColumnStretch(column, column < std::min<int>(columns, int(metrics.size())) ? 1 : 0);
}

void ChartsPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    placeCharts();
}

void ChartsPanel::readOptions() {
    options_.axis = ChartAxis(axis_->currentIndex());
    options_.smoothing = smoothing_->value() / 100.0;
    options_.logX = logX_->isChecked();
    options_.logY = logY_->isChecked();
    options_.seedBands = bands_->isChecked();
    smoothingText_->setText(QString::number(options_.smoothing, 'f', 2));
    bands_->setEnabled(options_.axis == ChartAxis::Step);
    logX_->setEnabled(options_.axis != ChartAxis::WallTime);
    for (MetricChart* chart : charts_)
        chart->setOptions(options_);
}

void ChartsPanel::setOptions(const ChartOptions& options) {
    const QSignalBlocker blockers[] = {QSignalBlocker(axis_), QSignalBlocker(smoothing_),
                                       QSignalBlocker(logX_), QSignalBlocker(logY_), QSignalBlocker(bands_)};
    axis_->setCurrentIndex(int(options.axis));
    smoothing_->setValue(int(options.smoothing * 100 + 0.5));
    logX_->setChecked(options.logX);
    logY_->setChecked(options.logY);
    bands_->setChecked(options.seedBands);
    readOptions();
}

void ChartsPanel::filterMetrics(const QString& text) {
    for (int i = 0; i < list_->count(); ++i)
        list_->item(i)->setHidden(!list_->item(i)->text().contains(text, Qt::CaseInsensitive));
}

Json ChartsPanel::save() const {
    Json state{{"axis", int(options_.axis)},
               {"smoothing", options_.smoothing},
               {"log_x", options_.logX},
               {"log_y", options_.logY},
               {"bands", options_.seedBands}};
    if (userChose_)
        for (const QString& metric : wantedChoice_)
            state["metrics"].push_back(metric.toStdString());
    return state;
}

void ChartsPanel::restore(const Json& state) {
    const auto flag = [&](const char* key) {
        return jsonValueOr<bool>(state, key, false, "charts").value_or(false);
    };
    ChartOptions options;
    options.axis =
        ChartAxis(std::clamp<int64_t>(jsonValueOr<int64_t>(state, "axis", 0, "charts").value_or(0), 0, 2));
    options.smoothing =
        std::clamp(jsonValueOr<double>(state, "smoothing", 0, "charts").value_or(0), 0.0, 0.99);
    options.logX = flag("log_x");
    options.logY = flag("log_y");
    options.seedBands = flag("bands");
    setOptions(options);
    const auto metrics = jsonValueOr<std::vector<std::string>>(state, "metrics", {}, "charts");
    if (metrics && !metrics->empty()) {
        QStringList names;
        for (const std::string& metric : *metrics)
            names.append(QString::fromStdString(metric));
        setChosen(names);
    }
}

}  // namespace vitrine
