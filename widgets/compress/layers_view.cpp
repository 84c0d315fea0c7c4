#include "widgets/compress/layers_view.h"

#include "core/base/file.h"

#include <QBoxLayout>
#include <QComboBox>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <QSplitter>
#include <algorithm>
#include <cmath>

namespace vitrine {

LayersView::LayersView(QWidget* parent)
    : QWidget(parent),
      plans_(new QComboBox),
      verdict_(new QLabel),
      rankText_(new QLabel),
      rangeText_(new QLabel),
      rank_(new QSlider(Qt::Horizontal)),
      table_(new DataTable) {
    setObjectName("compressLayers");
    plans_->setObjectName("layersPlan");
    plans_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    plans_->setMinimumContentsLength(24);
    verdict_->setObjectName("layersVerdict");
    verdict_->setWordWrap(true);
    verdict_->setToolTip(
        tr("Measured in the run: the packed 2:4 product against the dense one, for the shapes of "
           "this model on this machine"));
    rankText_->setObjectName("layersRankText");
    rank_->setObjectName("layersRank");
    rank_->setToolTip(tr("Rank of the low-rank path: what it would leave of the error, and cost"));
    table_->setObjectName("layersTable");
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    rangeText_->setObjectName("layersRangeText");
    rangeText_->setProperty("role", "secondary");
    rangeText_->setWordWrap(true);
    auto* charts = new QWidget;
    auto* rows = new QVBoxLayout(charts);
    rows->setContentsMargins(0, 0, 0, 0);
    auto *upper = new QHBoxLayout, *lower = new QHBoxLayout;
    rows->addLayout(upper, 1);
    rows->addLayout(lower, 1);
    errors_ = addChart(upper, 2, "layersErrors", tr("Error of each layer, relative to its output"));
    speed_ = addChart(upper, 1, "layersSpeed", tr("2:4 product against dense, here"));
    spectrum_ = addChart(lower, 1, "layersSpectrum", tr("What a path repairs: energy of the error"));
    energy_ = addChart(lower, 1, "layersEnergy", tr("Where inputs go, and where the error lies"));
    ranks_ = addChart(lower, 1, "layersRanks", tr("Rank and error"));
    ranges_ = addChart(lower, 1, "layersRanges", tr("How far groups and inputs reach"));
    rows->addWidget(rangeText_);
    errors_->setAxes({}, tr("relative error"));
    speed_->setAxes(tr("tokens"), tr("times as fast"));
    speed_->setLogarithmic(true, false);
    spectrum_->setAxes(tr("singular value"), tr("part of the error"));
    spectrum_->setLogarithmic(false, true);
    energy_->setAxes(tr("eigenvector of the inputs"), tr("part of the whole"));
    energy_->setLogarithmic(true, true);
    ranks_->setAxes(tr("rank"), tr("relative error"));
    ranges_->setAxes(tr("part of the largest"), tr("part of all"));
    ranges_->setLogarithmic(true, false);
    ranges_->setToolTip(tr(
        "Largest magnitude of each group of weights that share a scale, and root mean square of each input, "
        "against the largest of the layer; and what part of the rounding error lies in those groups"));
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(charts);
    split->addWidget(table_);
    split->setStretchFactor(0, 3);
    split->setSizes({520, 180});
    split->setChildrenCollapsible(false);
    auto* top = new QHBoxLayout;
    top->addWidget(new QLabel(tr("Plan")));
    top->addWidget(plans_);
    top->addWidget(verdict_, 1);
    auto* ranks = new QHBoxLayout;
    ranks->addWidget(new QLabel(tr("Rank")));
    ranks->addWidget(rank_, 1);
    ranks->addWidget(rankText_, 2);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addLayout(top);
    layout->addLayout(ranks);
    layout->addWidget(split, 1);
    connect(plans_, &QComboBox::activated, this, [this] { emit planChosen(plans_->currentText()); });
    connect(rank_, &QSlider::valueChanged, this, [this](int value) {
        refreshRank();
        emit rankChosen(value);
    });
    connect(table_, &DataTable::rowChosen, this,
            [this](int row) { emit layerChosen(table_->content().rows[size_t(row)][0].toString()); });
    connect(errors_, &Chart::pointClicked, this, [this](int, int index) {
        if (size_t(index) < results_.layers.size())
            emit layerChosen(results_.layers[size_t(index)].name);
    });
    setResults({});
}

Chart* LayersView::addChart(QBoxLayout* row, int stretch, const QString& name, const QString& title) {
    auto* label = new QLabel(title);
    label->setProperty("role", "secondary");
    auto* chart = new Chart;
    chart->setObjectName(name);
    chart->setTitle(title);
    auto* panel = new QWidget;
    auto* layout = new QVBoxLayout(panel);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(label);
    layout->addWidget(chart, 1);
    row->addWidget(panel, stretch);
    return chart;
}

void LayersView::setPlans(const QStringList& plans, const QString& chosen) {
    const QSignalBlocker blocked(plans_);
    plans_->clear();
    plans_->addItems(plans);
    plans_->setCurrentIndex(int(plans.indexOf(chosen)));
}

QString LayersView::plan() const {
    return plans_->currentText();
}

void LayersView::setResults(LayerResults results) {
    const bool samePlan = results.plan == results_.plan && results.spectra.size() == results_.spectra.size();
    results_ = std::move(results);
    {
        const QSignalBlocker blocked(table_);
        table_->setContent(layersTable(results_));
    }
    table_->setAccessibleName(tr("Layers of the plan, the worst first"));
    table_->setAccessibleDescription(table_->toCsv());
    QStringList names;
    for (const LayerResult& each : results_.layers)
        names.append(shortLayerName(each.name));
    errors_->setXNames(names);
    errors_->setSeries(errorBars(results_));
    speed_->setSeries(speedSeries(results_));
    speed_->setAccessibleName(results_.verdict);
    verdict_->setText(results_.verdict.isEmpty()
                          ? tr("The speed of 2:4 products was not measured in this run.")
                          : tr("2:4 on this machine: %1").arg(results_.verdict));
    if (!results_.layer(layer_))
        layer_ = table_->content().rows.empty() ? QString() : table_->content().rows[0][0].toString();
    if (!samePlan) {
        const QSignalBlocker blocked(rank_);
        rank_->setRange(0, int(results_.largestRank()));
        rank_->setValue(int(results_.rank));
    }
    rank_->setEnabled(!results_.spectra.empty());
    refreshPanels();
    refreshLayer();
}

// Charts of what the plan has not got leave their room to the others.
void LayersView::refreshPanels() {
    const bool lowBit = std::any_of(results_.layers.begin(), results_.layers.end(),
                                    [](const LayerResult& each) { return each.ranges.known(); });
    const bool path = results_.rank > 0 || !lowBit;
    for (Chart* chart : {spectrum_, energy_, ranks_})
        chart->parentWidget()->setVisible(path);
    ranges_->parentWidget()->setVisible(lowBit);
    rangeText_->setVisible(lowBit);
}

Result<void> LayersView::chooseLayer(const QString& name) {
    if (!results_.layer(name))
        return fail(ErrorCode::NotFound, fmt::format("the plan has no layer \"{}\"", name.toStdString()),
                    "layer", "The table lists those that it has");
    layer_ = name;
    refreshLayer();
    return {};
}

void LayersView::setRank(int64_t rank) {
    rank_->setValue(int(rank));
}

int64_t LayersView::rank() const {
    return rank_->value();
}

void LayersView::refreshLayer() {
    const LayerSpectrum* spectrum = results_.spectrum(layer_);
    energy_->setSeries(spectrum ? energySeries(*spectrum) : std::vector<ChartSeries>());
    energy_->setAccessibleName(layer_);
    const LayerResult* layer = results_.layer(layer_);
    const LayerRanges ranges = layer ? layer->ranges : LayerRanges();
    ranges_->setSeries(rangeSeries(ranges));
    ranges_->setAccessibleName(rangeText(ranges));
    rangeText_->setText(ranges.known() ? shortLayerName(layer_) + ", " + rangeText(ranges) : QString());
    refreshRank();
}

void LayersView::refreshRank() {
    const LayerSpectrum* spectrum = results_.spectrum(layer_);
    spectrum_->setSeries(spectrum ? spectrumSeries(*spectrum, rank()) : std::vector<ChartSeries>());
    ranks_->setSeries(results_.spectra.empty() ? std::vector<ChartSeries>()
                                               : rankSeries(results_, layer_, rank()));
    if (!spectrum) {
        rankText_->setText(results_.layers.empty()
                               ? tr("Choose a run and a plan")
                               : tr("%1 · this plan has no low-rank path").arg(shortLayerName(layer_)));
        return;
    }
    const RankCost one = rankCost(results_, layer_, rank()), all = rankCost(results_, {}, rank());
    rankText_->setText(
        tr("rank %1 · %2: error %3, +%4 bits a weight · mean of the layers: error %5, +%6 bits")
            .arg(rank())
            .arg(shortLayerName(layer_))
            .arg(one.error, 0, 'f', 4)
            .arg(one.extraBits, 0, 'f', 2)
            .arg(all.error, 0, 'f', 4)
            .arg(all.extraBits, 0, 'f', 2));
}

Result<void> LayersView::save(const std::string& part, const std::filesystem::path& file) {
    if (part == "layers") {
        if (file.extension() != ".csv")
            return fail(ErrorCode::InvalidArgument, "the table is saved as .csv", file.string());
        return writeFileAtomically(file, table_->toCsv().toStdString());
    }
    const std::vector<std::pair<std::string, Chart*>> charts{{"errors", errors_}, {"spectrum", spectrum_},
                                                             {"energy", energy_}, {"rank", ranks_},
                                                             {"ranges", ranges_}, {"speed", speed_}};
    for (const auto& [name, chart] : charts)
        if (name == part)
            return chart->save(file);
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no part \"{}\"", part), "part",
                "One of: layers, errors, spectrum, energy, rank, ranges, speed");
}

}  // namespace vitrine
