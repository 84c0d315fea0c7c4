#include "widgets/compress/structures_view.h"

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSlider>
#include <QSplitter>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kBarWidth = 0.7;

ChartSeries cutLine(double x) {
    ChartSeries line;
    line.name = QObject::tr("cut");
    line.color = chartColor(4);
    line.dashed = true;
    line.x = {x, x};
    line.y = {0, 1};
    return line;
}

}  // namespace

StructuresView::StructuresView(QWidget* parent)
    : QWidget(parent),
      metric_(new QComboBox),
      cost_(new QLabel),
      agreement_(new QLabel),
      plot_(new Chart),
      table_(new DataTable),
      queue_(new QPushButton(tr("Prune like this"))) {
    setObjectName("structuresView");
    static const char* const names[] = {"Neurons", "Heads", "Channels", "Blocks"};
    const QString titles[] = {tr("Neurons of each layer"), tr("Heads of each layer"),
                              tr("Channels of the stream"), tr("Influence of blocks")};
    auto* cuts = new QWidget;
    auto* grid = new QGridLayout(cuts);
    grid->setContentsMargins(0, 0, 0, 0);
    for (int axis = 0; axis < kAxes; ++axis) {
        auto*& slider = sliders_[size_t(axis)];
        slider = new QSlider(Qt::Horizontal);
        slider->setObjectName(QStringLiteral("structures") + names[axis]);
        slider->setToolTip(tr("How many stay, the most important first"));
        values_[size_t(axis)] = new QLabel;
        values_[size_t(axis)]->setObjectName(slider->objectName() + "Value");
        charts_[size_t(axis)] = new Chart;
        charts_[size_t(axis)]->setObjectName(slider->objectName() + "Chart");
        charts_[size_t(axis)]->setAxes(axis == kBlocks ? tr("block") : tr("rank"), tr("score / largest"));
        auto* title = new QHBoxLayout;
        title->addWidget(new QLabel(titles[axis]));
        if (axis == kBlocks)
            title->addWidget(metric_);
        title->addStretch(1);
        title->addWidget(values_[size_t(axis)]);
        charts_[size_t(axis)]->setLegendShown(false);
        const int row = 3 * (axis / 2), column = axis % 2;
        grid->addLayout(title, row, column);
        grid->addWidget(charts_[size_t(axis)], row + 1, column);
        grid->addWidget(slider, row + 2, column);
        grid->setRowStretch(row + 1, 1);
        connect(slider, &QSlider::valueChanged, this, [this] {
            refreshCurves();
            emit cutChanged();
        });
    }
    metric_->setObjectName("structuresMetric");
    cost_->setObjectName("structuresCost");
    cost_->setWordWrap(true);
    agreement_->setObjectName("structuresAgreement");
    agreement_->setProperty("role", "secondary");
    agreement_->setWordWrap(true);
    plot_->setObjectName("structuresPlot");
    plot_->setAxes(tr("million parameters"), tr("nats per token"));
    table_->setObjectName("structuresTable");
    queue_->setObjectName("structuresQueue");
    queue_->setToolTip(
        tr("Cuts this student out and distils it, with the stored ranking: no forward pass for "
           "scores; a random one of the same sizes beside it"));
    auto* lower = new QSplitter(Qt::Horizontal);
    lower->addWidget(table_);
    lower->addWidget(plot_);
    lower->setSizes({500, 400});
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(cuts);
    split->addWidget(lower);
    split->setStretchFactor(0, 3);
    split->setSizes({480, 200});
    auto* top = new QHBoxLayout;
    top->addWidget(cost_, 1);
    top->addWidget(queue_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addLayout(top);
    layout->addWidget(agreement_);
    layout->addWidget(split, 1);
    connect(metric_, &QComboBox::activated, this, [this] { refreshCurves(); });
    connect(queue_, &QPushButton::clicked, this, &StructuresView::queueRequested);
}

QString StructuresView::metric() const {
    return metric_->currentText();
}

StructureCut StructuresView::cut() const {
    const auto of = [this](Axis axis) {
        const QSlider* slider = sliders_[axis];
        return slider->value() < slider->maximum() ? slider->value() : 0;
    };
    return {of(kChannels), of(kHeads), of(kNeurons), of(kBlocks)};
}

void StructuresView::setCut(const StructureCut& cut) {
    const int wanted[] = {cut.intermediate, cut.heads, cut.width, cut.depth};
    for (int axis = 0; axis < kAxes; ++axis)
        sliders_[size_t(axis)]->setValue(wanted[axis] > 0 ? wanted[axis] : sliders_[size_t(axis)]->maximum());
}

void StructuresView::setResults(StructureResults results) {
    const bool other = results.run != results_.run;
    results_ = std::move(results);
    const auto longest = [](const std::vector<std::vector<double>>& lists) {
        size_t most = 0;
        for (const auto& list : lists)
            most = std::max(most, list.size());
        return int(most);
    };
    const StructureScores& scores = results_.scores;
    const int counts[] = {longest(scores.neurons), longest(scores.heads), int(scores.channels.size()),
                          int(scores.neurons.size())};
    const QString before = metric_->currentText();
    {
        const QSignalBlocker blocked(metric_);
        metric_->clear();
        for (const auto& [metric, values] : scores.blocks)
            metric_->addItem(metric);
        metric_->setCurrentIndex(std::max(0, metric_->findText(before)));
    }
    for (int axis = 0; axis < kAxes; ++axis) {
        const QSignalBlocker blocked(sliders_[size_t(axis)]);
        // A run that has ranked nothing yet grows; what kept all keeps all.
        const bool whole = sliders_[size_t(axis)]->value() == sliders_[size_t(axis)]->maximum();
        sliders_[size_t(axis)]->setRange(1, std::max(1, counts[axis]));
        if (other || whole)
            sliders_[size_t(axis)]->setValue(counts[axis]);
    }
    refreshCurves();
    refreshStudents();
    emit cutChanged();
}

void StructuresView::refreshCurves() {
    const StructureScores& scores = results_.scores;
    const std::vector<std::vector<double>> lists[] = {scores.neurons, scores.heads, {scores.channels}};
    for (int axis = 0; axis < kBlocks; ++axis) {
        const int kept = sliders_[size_t(axis)]->value();
        std::vector<ChartSeries> series;
        for (size_t layer = 0; layer < lists[axis].size(); ++layer) {
            ChartSeries one;
            one.name = axis == kChannels ? tr("channels") : tr("layer %1").arg(layer);
            one.y = sortedScores(lists[axis][layer]);
            for (qsizetype rank = 0; rank < one.y.size(); ++rank)
                one.x.append(double(rank + 1));
            if (!one.y.isEmpty())
                series.push_back(std::move(one));
        }
        if (!series.empty())
            series.push_back(cutLine(kept + 0.5));
        charts_[size_t(axis)]->setSeries(std::move(series));
        values_[size_t(axis)]->setText(tr("%1 of %2 stay, with %3 % of the importance")
                                           .arg(kept)
                                           .arg(sliders_[size_t(axis)]->maximum())
                                           .arg(100 * keptImportance(lists[axis], kept), 0, 'f', 1));
    }
    const auto found = scores.blocks.find(metric());
    std::vector<ChartSeries> bars;
    QStringList gone;
    if (found != scores.blocks.end()) {
        const std::vector<int> removed = removedBlocks(found->second, sliders_[kBlocks]->value());
        const double most = std::max(1e-30, *std::max_element(found->second.begin(), found->second.end()));
        ChartSeries stays, goes;
        stays.name = tr("stays");
        goes.name = tr("goes");
        stays.color = chartColor(0);
        goes.color = chartColor(4);
        stays.barWidth = goes.barWidth = kBarWidth;
        for (size_t block = 0; block < found->second.size(); ++block) {
            const bool out = std::find(removed.begin(), removed.end(), int(block)) != removed.end();
            ChartSeries& into = out ? goes : stays;
            into.x.append(double(block));
            into.y.append(found->second[block] / most);
        }
        for (const int block : removed)
            gone.append(QString::number(block));
        bars.push_back(stays);
        if (!goes.x.isEmpty())
            bars.push_back(goes);
    }
    charts_[kBlocks]->setSeries(std::move(bars));
    values_[kBlocks]->setText(gone.isEmpty() ? tr("all stay") : tr("goes first: %1").arg(gone.join(", ")));
    QStringList agreements;
    if (found != scores.blocks.end())
        for (const auto& [metric, values] : scores.blocks)
            if (metric != found->first)
                agreements.append(
                    tr("%1 %2").arg(metric).arg(rankAgreement(found->second, values), 0, 'f', 2));
    agreement_->setText(agreements.isEmpty()
                            ? QString()
                            : tr("Kendall's τ of %1 with: %2").arg(metric(), agreements.join(" · ")));
}

void StructuresView::setCost(const QString& text) {
    cost_->setText(text);
}

void StructuresView::refreshStudents() {
    TableContent content;
    content.significant = 5;
    content.header = {tr("student"), tr("parameters"), tr("as cut"), tr("nats/token"), tr("to dense")};
    content.headerTips = {tr("What was cut; random ones are controls"), tr("Of the student"),
                          tr("Nats per token before distillation"), tr("After it, on held-out text"),
                          tr("Difference to the dense model on the same text")};
    ChartSeries students, controls, dense;
    students.name = tr("students");
    controls.name = tr("random control");
    dense.name = tr("dense");
    students.color = chartColor(0);
    controls.color = chartColor(4);
    dense.color = chartColor(2);
    for (ChartSeries* each : {&students, &controls, &dense}) {
        each->line = false;
        each->points = true;
    }
    ChartSeries gains;
    gains.name = tr("by distillation");
    gains.color = QColor(150, 150, 150);
    gains.dashed = true;
    std::vector<ChartSeries> series;
    for (const StructureStudent& each : results_.students) {
        content.rows.push_back({each.name, qlonglong(each.parameters),
                                std::isfinite(each.natsAsCut) ? QVariant(each.natsAsCut) : QVariant(),
                                each.nats, each.toDense});
        ChartSeries& into = each.name == "dense" ? dense : each.control ? controls : students;
        into.x.append(each.parameters / 1e6);
        into.y.append(each.nats);
        // From before distillation to after it; a gap between two of them.
        if (std::isfinite(each.natsAsCut)) {
            gains.x << each.parameters / 1e6 << each.parameters / 1e6 << each.parameters / 1e6;
            gains.y << each.natsAsCut << each.nats << std::numeric_limits<double>::quiet_NaN();
        }
    }
    for (const ChartSeries* each : {&gains, &students, &controls, &dense})
        if (!each->x.isEmpty())
            series.push_back(*each);
    table_->setContent(std::move(content));
    table_->setAccessibleName(tr("Students"));
    table_->setAccessibleDescription(table_->toCsv());
    plot_->setSeries(std::move(series));
}

}  // namespace vitrine
