#include "widgets/compress/sparse_view.h"

#include "widgets/compress/sparse_charts.h"
#include "widgets/compress/titled.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

enum UnitState { kOut, kLeft, kInUse, kEntered };

QString stateName(int state) {
    switch (state) {
        case kLeft:
            return SparseView::tr("has left");
        case kInUse:
            return SparseView::tr("in use");
        case kEntered:
            return SparseView::tr("has entered");
        default:
            return SparseView::tr("out of use");
    }
}

}  // namespace

HeatMap unitRaster(const SparseUnits& units) {
    HeatMap map;
    const int columns = int(units.inUse.size());
    const auto used = [&](int unit, int column) { return units.inUse[column].at(unit) == u'1'; };
    std::vector<int> order, first(units.units.size(), columns), last(units.units.size(), -1);
    for (int unit = 0; unit < int(units.units.size()); ++unit) {
        order.push_back(unit);
        for (int column = 0; column < columns; ++column)
            if (used(unit, column)) {
                first[size_t(unit)] = std::min(first[size_t(unit)], column);
                last[size_t(unit)] = column;
            }
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        return std::pair(first[size_t(a)], -last[size_t(a)]) < std::pair(first[size_t(b)], -last[size_t(b)]);
    });
    for (const int unit : order) {
        for (int column = 0; column < columns; ++column) {
            const bool is = used(unit, column), was = column > 0 ? used(unit, column - 1) : is;
            map.values.push_back(is ? (was ? kInUse : kEntered) : (was ? kLeft : kOut));
        }
        map.rowLabels.append(QString::number(units.units[size_t(unit)]));
    }
    map.rows = int(order.size());
    map.columns = columns;
    map.high = kEntered;
    for (const int state : {kOut, kLeft, kInUse, kEntered})
        map.keys.append(stateName(state));
    map.title = SparseView::tr("Units of the layer, exchange by exchange");
    map.rowTitle = SparseView::tr("unit");
    map.columnTitle = SparseView::tr("exchange");
    map.valueTitle = SparseView::tr("state");
    map.describe = [map](int row, int column) {
        return SparseView::tr("unit %1, exchange %2: %3")
            .arg(map.rowLabel(row))
            .arg(column)
            .arg(stateName(int(map.at(row, column))));
    };
    return map;
}

SparseView::SparseView(QWidget* parent)
    : QWidget(parent),
      layer_(new QComboBox),
      trial_(new QSlider(Qt::Horizontal)),
      facts_(new QLabel),
      trialText_(new QLabel),
      raster_(new HeatMapView),
      exchanged_(new HeatMapView),
      scores_(new Chart),
      densities_(new Chart),
      cost_(new Chart) {
    setObjectName("sparseView");
    facts_->setObjectName("sparseFacts");
    facts_->setWordWrap(true);
    layer_->setObjectName("sparseLayer");
    layer_->setToolTip(tr("The layer whose units are shown"));
    trial_->setObjectName("sparseTrial");
    trial_->setToolTip(tr("The exchange whose scores are shown"));
    trialText_->setObjectName("sparseTrialText");
    raster_->setObjectName("sparseRaster");
    exchanged_->setObjectName("sparseExchanged");
    scores_->setObjectName("sparseScores");
    scores_->setAxes(tr("power of ten of the score"), tr("of the units (%)"));
    densities_->setObjectName("sparseDensities");
    densities_->setAxes(tr("layer"), tr("in use (%)"));
    cost_->setObjectName("sparseCost");
    cost_->setAxes(tr("cost (dense trainings)"), tr("right (%)"));
    auto* chosen = new QHBoxLayout;
    chosen->addWidget(new QLabel(tr("Layer")));
    chosen->addWidget(layer_, 1);
    auto* trials = new QHBoxLayout;
    trials->addWidget(new QLabel(tr("Trial")));
    trials->addWidget(trial_, 1);
    trials->addWidget(trialText_);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(facts_, 0, 0, 1, 3);
    grid->addLayout(chosen, 1, 0);
    grid->addLayout(trials, 1, 1);
    grid->addWidget(raster_, 2, 0, 2, 1);
    grid->addWidget(titled(tr("Scores of the trial"), scores_), 2, 1);
    grid->addWidget(titled(tr("Accuracy by what it cost"), cost_), 2, 2);
    grid->addWidget(exchanged_, 3, 1);
    grid->addWidget(titled(tr("Density of each layer"), densities_), 3, 2);
    for (int index = 0; index < 3; ++index)
        grid->setColumnStretch(index, 1);
    grid->setRowStretch(2, 1);
    grid->setRowStretch(3, 1);
    connect(layer_, &QComboBox::textActivated, this, &SparseView::layerChosen);
    connect(trial_, &QSlider::valueChanged, this, &SparseView::refreshTrial);
}

void SparseView::setResults(SparseResults results) {
    const bool other = results.run != results_.run;
    results_ = std::move(results);
    const QString before = other ? QString() : layer_->currentText();
    {
        const QSignalBlocker quietLayer(layer_), quietTrial(trial_);
        layer_->clear();
        for (const SparseUnits& units : results_.units)
            layer_->addItem(units.layer);
        layer_->setCurrentIndex(layer_->count() > 0 ? std::max(0, layer_->findText(before)) : -1);
        trial_->setRange(0, std::max(0, int(results_.trials.size()) - 1));
        trial_->setEnabled(results_.trials.size() > 1);
        if (other)
            trial_->setValue(0);
    }
    facts_->setText(facts());
    QStringList names;
    for (const SparseLayer& layer : results_.layers)
        names.append(shortLayerName(layer.name));
    densities_->setXNames(names);
    densities_->setSeries(densitySeries(results_));
    cost_->setSeries(costSeries(results_));
    exchanged_->setMap(exchangedMap(results_));
    refreshRaster();
    refreshTrial();
}

Result<void> SparseView::chooseLayer(const QString& name) {
    QStringList known;
    for (int index = 0; index < layer_->count(); ++index) {
        known.append(layer_->itemText(index));
        if (known.back() == name) {
            layer_->setCurrentIndex(index);
            refreshRaster();
            return {};
        }
    }
    return fail(ErrorCode::NotFound, fmt::format("no units of \"{}\" were watched", name.toStdString()),
                "layer",
                known.isEmpty() ? std::string("Open a finished run of train-sparse")
                                : fmt::format("One of: {}", known.join(", ").toStdString()));
}

QString SparseView::facts() const {
    if (results_.layers.empty())
        return tr("The structure's history is there when the run has ended; its curves grow while it learns");
    double units = 0, used = 0;
    for (const SparseLayer& layer : results_.layers) {
        units += layer.units;
        used += layer.inUse;
    }
    QString text = tr("%1: %2 % of the units in use, %3 exchanges")
                       .arg(results_.method)
                       .arg(100 * used / std::max(1.0, units), 0, 'f', 2)
                       .arg(results_.steps.size());
    if (std::isfinite(results_.accuracy))
        text += tr(", %1 % of the test pictures right").arg(100 * results_.accuracy, 0, 'f', 2);
    if (const auto& latency = results_.latency)
        text +=
            tr("; %1 % of the dense network's time measured (%2 of %3 ms for %4 pictures), %5 % predicted, "
               "%6 % wanted")
                .arg(100 * latency->measuredPart, 0, 'f', 1)
                .arg(latency->ms, 0, 'f', 2)
                .arg(latency->denseMs, 0, 'f', 2)
                .arg(latency->batch)
                .arg(100 * latency->predictedPart, 0, 'f', 1)
                .arg(100 * latency->wantedPart, 0, 'g', 3);
    return text;
}

void SparseView::refreshRaster() {
    const int index = layer_->currentIndex();
    raster_->setMap(index >= 0 ? unitRaster(results_.units[size_t(index)]) : HeatMap());
}

void SparseView::refreshTrial() {
    const auto index = size_t(trial_->value());
    if (index >= results_.trials.size()) {
        trialText_->setText(results_.layers.empty() ? QString() : tr("there was none"));
        scores_->setSeries({});
        return;
    }
    trialText_->setText(tr("up to step %1").arg(results_.trials[index].step));
    scores_->setSeries(scoreSeries(results_.trials[index]));
}

}  // namespace vitrine
