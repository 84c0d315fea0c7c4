#include "widgets/compress/elastic_view.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kBarWidth = 0.38;

bool headsDiffer(const ElasticResults& results) {
    return std::any_of(results.sizes.begin(), results.sizes.end(), [](const ElasticSize& size) {
        return std::any_of(size.heads.begin(), size.heads.end(), [](double share) { return share < 1; });
    });
}

std::vector<ChartSeries> frontSeries(const ElasticResults& results, size_t chosen) {
    ChartSeries sizes, dense, now;
    sizes.name = ElasticView::tr("budgets");
    sizes.points = true;
    for (const ElasticSize& size : results.sizes) {
        sizes.x.append(100 * size.size);
        sizes.y.append(size.nats);
    }
    std::vector<ChartSeries> series{sizes};
    if (std::isfinite(results.denseNats)) {
        dense.name = ElasticView::tr("the model before");
        dense.x = {100};
        dense.y = {results.denseNats};
        dense.line = false;
        dense.points = true;
        series.push_back(dense);
    }
    if (chosen < results.sizes.size()) {
        now.name = ElasticView::tr("chosen");
        now.x = {100 * results.sizes[chosen].size};
        now.y = {results.sizes[chosen].nats};
        now.line = false;
        now.points = true;
        now.color = chartColor(4);
        series.push_back(now);
    }
    return series;
}

std::vector<ChartSeries> widthSeries(const ElasticSize& size, bool withHeads) {
    std::vector<ChartSeries> series;
    const auto add = [&](const QString& name, const std::vector<double>& shares, double shift) {
        ChartSeries bars;
        bars.name = name;
        bars.barWidth = kBarWidth;
        for (size_t block = 0; block < shares.size(); ++block) {
            bars.x.append(double(block) + shift);
            bars.y.append(100 * shares[block]);
        }
        series.push_back(std::move(bars));
    };
    add(ElasticView::tr("neurons"), size.neurons, withHeads ? -kBarWidth / 2 : 0);
    if (withHeads)
        add(ElasticView::tr("heads"), size.heads, kBarWidth / 2);
    return series;
}

// The line on which what was foretold is what was measured, and the choices.
std::vector<ChartSeries> surrogateSeries(const ElasticResults& results) {
    if (results.predicted.empty() || results.predicted.size() != results.measured.size())
        return {};
    ChartSeries choices, equal;
    choices.name = ElasticView::tr("choices it had not seen");
    choices.line = false;
    choices.points = true;
    choices.x = QVector<double>(results.predicted.begin(), results.predicted.end());
    choices.y = QVector<double>(results.measured.begin(), results.measured.end());
    const auto [low, high] = std::minmax_element(results.measured.begin(), results.measured.end());
    equal.name = ElasticView::tr("as foretold");
    equal.x = equal.y = {*low, *high};
    equal.dashed = true;
    return {choices, equal};
}

}  // namespace

HeatMap elasticRoutes(const ElasticResults& results) {
    HeatMap map;
    const bool withHeads = headsDiffer(results);
    for (const ElasticSize& size : results.sizes) {
        map.rowLabels.append(QString::number(size.budget, 'g', 3));
        map.values.insert(map.values.end(), size.neurons.begin(), size.neurons.end());
        if (withHeads)
            map.values.insert(map.values.end(), size.heads.begin(), size.heads.end());
    }
    map.rows = int(results.sizes.size());
    map.columns = map.rows > 0 ? int(map.values.size()) / map.rows : 0;
    const size_t blocks = map.rows > 0 ? results.sizes[0].neurons.size() : 0;
    for (int column = 0; column < map.columns; ++column)
        map.columnLabels.append(size_t(column) < blocks ? QString::number(column)
                                                        : QObject::tr("h%1").arg(column - int(blocks)));
    map.title = QObject::tr("Share of each block that a budget keeps");
    map.rowTitle = QObject::tr("budget");
    map.columnTitle = withHeads ? QObject::tr("block: neurons, then heads") : QObject::tr("block: neurons");
    map.valueTitle = QObject::tr("share");
    return map;
}

HeatMap tokenRoutes(const ElasticSize& size) {
    HeatMap map;
    map.rows = int(size.tokenShares.size());
    map.columns = int(size.tokens.size());
    for (const std::vector<double>& row : size.tokenShares)
        map.values.insert(map.values.end(), row.begin(), row.end());
    for (QString token : size.tokens)
        map.columnLabels.append(token.replace(QLatin1Char('\n'), QStringLiteral("\u21b5")));
    map.title = QObject::tr("Share of each block's neurons that a token takes");
    map.rowTitle = QObject::tr("block");
    map.columnTitle = QObject::tr("token");
    map.valueTitle = QObject::tr("share");
    return map;
}

ElasticView::ElasticView(QWidget* parent)
    : QWidget(parent),
      budgets_(new QSlider(Qt::Horizontal)),
      facts_(new QLabel),
      chosenText_(new QLabel),
      front_(new Chart),
      widths_(new Chart),
      surrogate_(new Chart),
      routes_(new HeatMapView),
      tokens_(new HeatMapView) {
    setObjectName("elasticView");
    facts_->setObjectName("elasticFacts");
    facts_->setWordWrap(true);
    chosenText_->setObjectName("elasticChosen");
    budgets_->setObjectName("elasticBudget");
    budgets_->setToolTip(tr("The budget that is shown: part of the parameters that can be cut"));
    budgets_->setPageStep(1);
    budgets_->setTickPosition(QSlider::TicksBelow);
    front_->setObjectName("elasticFront");
    front_->setAxes(tr("kept of what can be cut (%)"), tr("nats per token"));
    front_->setToolTip(tr("Click a budget to see its widths"));
    widths_->setObjectName("elasticWidths");
    widths_->setAxes(tr("block"), tr("kept (%)"));
    surrogate_->setObjectName("elasticSurrogate");
    surrogate_->setAxes(tr("foretold by the surrogate (nats per token)"), tr("measured"));
    routes_->setObjectName("elasticRoutes");
    tokens_->setObjectName("elasticTokens");
    tokens_->hide();
    auto* row = new QHBoxLayout;
    row->addWidget(new QLabel(tr("Budget")));
    row->addWidget(budgets_, 1);
    row->addWidget(chosenText_);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(facts_, 0, 0, 1, 2);
    grid->addLayout(row, 1, 0, 1, 2);
    grid->addWidget(widths_, 2, 0);
    grid->addWidget(front_, 2, 1);
    grid->addWidget(routes_, 3, 0);
    grid->addWidget(surrogate_, 3, 1);
    grid->addWidget(tokens_, 3, 1);  // one of the two is shown
    for (int index = 0; index < 2; ++index) {
        grid->setRowStretch(index + 2, 1);
        grid->setColumnStretch(index, 1);
    }
    const auto chosen = [this](int index) {
        if (index >= 0 && size_t(index) < results_.sizes.size())
            emit budgetChosen(results_.sizes[size_t(index)].budget);
    };
    // The smallest budget on the left.
    connect(budgets_, &QSlider::valueChanged, this,
            [this, chosen](int value) { chosen(int(results_.sizes.size()) - 1 - value); });
    connect(front_, &Chart::pointClicked, this, [chosen](int series, int index) {
        if (series == 0)
            chosen(index);
    });
    connect(routes_, &HeatMapView::cellClicked, this, [chosen](int row, int) { chosen(row); });
}

void ElasticView::setResults(ElasticResults results) {
    const double before = chosen_ < results_.sizes.size() ? results_.sizes[chosen_].budget : -1;
    const bool sameRun = results.run == results_.run;
    results_ = std::move(results);
    chosen_ = results_.sizes.size() > 1 ? 1 : 0;
    for (size_t index = 0; sameRun && index < results_.sizes.size(); ++index)
        if (results_.sizes[index].budget == before)
            chosen_ = index;
    refresh();
}

Result<void> ElasticView::choose(double budget) {
    QStringList known;
    for (size_t index = 0; index < results_.sizes.size(); ++index) {
        if (std::abs(results_.sizes[index].budget - budget) < 1e-9) {
            chosen_ = index;
            refresh();
            return {};
        }
        known.append(QString::number(results_.sizes[index].budget, 'g', 3));
    }
    return fail(ErrorCode::NotFound, fmt::format("the run has no budget {:g}", budget), "budget",
                known.isEmpty() ? std::string("Open a run of train-elastic")
                                : fmt::format("One of: {}", known.join(", ").toStdString()));
}

void ElasticView::refresh() {
    const bool any = chosen_ < results_.sizes.size();
    const QSignalBlocker quiet(budgets_);
    budgets_->setEnabled(results_.sizes.size() > 1);
    budgets_->setRange(0, std::max(0, int(results_.sizes.size()) - 1));
    budgets_->setValue(int(results_.sizes.size()) - 1 - int(chosen_));
    front_->setSeries(frontSeries(results_, chosen_));
    front_->setAccessibleDescription(front_->toCsv());
    routes_->setMap(elasticRoutes(results_));
    surrogate_->setSeries(surrogateSeries(results_));
    const HeatMap tokens = any ? tokenRoutes(results_.sizes[chosen_]) : HeatMap();
    surrogate_->setVisible(tokens.isEmpty());
    tokens_->setVisible(!tokens.isEmpty());
    tokens_->setMap(tokens);
    widths_->setSeries(any ? widthSeries(results_.sizes[chosen_], headsDiffer(results_))
                           : std::vector<ChartSeries>());
    chosenText_->setText(any ? QString::number(results_.sizes[chosen_].budget, 'g', 3) : QString());
    if (!any) {
        facts_->setText(tr("No size yet: they are measured while the run is at work"));
        return;
    }
    const ElasticSize& size = results_.sizes[chosen_];
    QString text = (size.tokens.isEmpty()
                        ? tr("Budget %1: %2 % of what can be cut, %3 nats a token")
                        : tr("Budget %1: %2 % of what can be cut in the mean over text, %3 nats a token"))
                       .arg(size.budget, 0, 'g', 3)
                       .arg(100 * size.size, 0, 'f', 1)
                       .arg(size.nats, 0, 'f', 4);
    if (std::isfinite(results_.denseNats))
        text += tr(" (%1%2 to the model before)")
                    .arg(size.nats < results_.denseNats ? QString() : QStringLiteral("+"))
                    .arg(size.nats - results_.denseNats, 0, 'f', 4);
    if (std::isfinite(size.parameters))
        text += tr(" · %1 M parameters").arg(size.parameters / 1e6, 0, 'f', 2);
    if (std::isfinite(size.largestProbability))
        text += tr(" · routers sure to %1 %").arg(100 * size.largestProbability, 0, 'f', 0);
    text += size.chosenBy.isEmpty() ? tr(" · as measured last, the run is not finished")
                                    : tr(" · widths by the %1").arg(size.chosenBy);
    if (std::isfinite(results_.surrogateError))
        text += tr(" · the surrogate errs by %1 nats on choices it had not seen")
                    .arg(results_.surrogateError, 0, 'f', 3);
    facts_->setText(text);
}

}  // namespace vitrine
