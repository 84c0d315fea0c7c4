#include "widgets/compress/cost_stack_view.h"

#include "widgets/compress/model_tree.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>

namespace vitrine {
namespace {

constexpr double kBarWidth = 0.36;

// A pair of series for one model: the whole, and its lower part in front.
void addBars(std::vector<ChartSeries>& all, const PuzzleStack& stack, bool dense, const QString& whole,
             const QString& part, double PuzzleCost::*upper, double PuzzleCost::*lower, double unit) {
    ChartSeries sums, parts;
    sums.name = whole;
    parts.name = part;
    sums.color = chartColor(1);
    parts.color = chartColor(0);
    const auto add = [&](const PuzzleCost& cost) {
        const double x = double(sums.x.size()) + (dense ? -kBarWidth / 2 : kBarWidth / 2);
        sums.x.append(x);
        sums.y.append((cost.*lower + cost.*upper) / unit);
        parts.x.append(x);
        parts.y.append(cost.*lower / unit);
    };
    for (const PuzzleCost& layer : stack.layers)
        add(layer);
    add(stack.outside);
    for (ChartSeries* series : {&sums, &parts}) {
        series->barWidth = kBarWidth;
        series->dashed = dense;
        all.push_back(std::move(*series));
    }
}

}  // namespace

std::vector<ChartSeries> memorySeries(const QString& name, const PuzzleStack& stack,
                                      const PuzzleStack& parent) {
    std::vector<ChartSeries> all;
    if (stack.layers.empty())
        return all;
    addBars(all, parent, true, QObject::tr("parent: weights + cache"), QObject::tr("parent: weights"),
            &PuzzleCost::cache, &PuzzleCost::weights, 1e6);
    addBars(all, stack, false, QObject::tr("%1: weights + cache").arg(name),
            QObject::tr("%1: weights").arg(name), &PuzzleCost::cache, &PuzzleCost::weights, 1e6);
    return all;
}

std::vector<ChartSeries> timeSeries(const QString& name, const PuzzleStack& stack,
                                    const PuzzleStack& parent) {
    std::vector<ChartSeries> all;
    if (stack.layers.empty() || sumOf(parent).generateSeconds <= 0)
        return all;
    addBars(all, parent, true, QObject::tr("parent: tokens + prompt"), QObject::tr("parent: tokens"),
            &PuzzleCost::promptSeconds, &PuzzleCost::generateSeconds, 1e-3);
    addBars(all, stack, false, QObject::tr("%1: tokens + prompt").arg(name),
            QObject::tr("%1: tokens").arg(name), &PuzzleCost::promptSeconds, &PuzzleCost::generateSeconds,
            1e-3);
    return all;
}

PuzzleCost sumOf(const PuzzleStack& stack) {
    PuzzleCost sum = stack.outside;
    for (const PuzzleCost& layer : stack.layers) {
        sum.weights += layer.weights;
        sum.cache += layer.cache;
        sum.promptSeconds += layer.promptSeconds;
        sum.generateSeconds += layer.generateSeconds;
    }
    return sum;
}

CostStackView::CostStackView(QWidget* parent)
    : QWidget(parent), memory_(new Chart), time_(new Chart), facts_(new QLabel) {
    setObjectName("puzzleCosts");
    memory_->setObjectName("puzzleMemory");
    memory_->setAxes(tr("layer"), tr("MB"));
    memory_->setToolTip(
        tr("Memory of each layer: weights, and above them the cache; pale: the parent's in the same use"));
    time_->setObjectName("puzzleTime");
    time_->setAxes(tr("layer"), tr("ms"));
    time_->setToolTip(tr(
        "Time of each layer, measured part by part: all generated tokens, and above them the prompt; pale: "
        "the parent's"));
    facts_->setObjectName("puzzleCostFacts");
    facts_->setWordWrap(true);
    auto* charts = new QHBoxLayout;
    charts->addWidget(memory_, 1);
    charts->addWidget(time_, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(facts_);
    layout->addLayout(charts, 1);
}

void CostStackView::show(const QString& name, const PuzzleStack& stack, const PuzzleStack& parent,
                         const QString& why) {
    QStringList layers;
    for (size_t layer = 0; layer < stack.layers.size(); ++layer)
        layers.append(QString::number(layer));
    layers.append(tr("outside"));
    for (Chart* chart : {memory_, time_})
        chart->setXNames(layers);
    memory_->setSeries(memorySeries(name, stack, parent));
    time_->setSeries(timeSeries(name, stack, parent));
    time_->setVisible(!time_->series().empty());
    if (stack.layers.empty())
        return facts_->setText(why);
    const PuzzleCost own = sumOf(stack), whole = sumOf(parent);
    QString text = tr("%1, %2: %3 of weights and %4 of cache (parent %5 and %6)")
                       .arg(name, stack.use, sizeText(own.weights), sizeText(own.cache),
                            sizeText(whole.weights), sizeText(whole.cache));
    if (whole.generateSeconds > 0)
        text += tr(" · prompt %1 ms, tokens %2 ms (parent %3 and %4)")
                    .arg(1e3 * own.promptSeconds, 0, 'f', 2)
                    .arg(1e3 * own.generateSeconds, 0, 'f', 1)
                    .arg(1e3 * whole.promptSeconds, 0, 'f', 2)
                    .arg(1e3 * whole.generateSeconds, 0, 'f', 1);
    else
        text += tr(" · nothing was timed in this use");
    facts_->setText(text);
    for (Chart* chart : {memory_, time_})
        chart->setAccessibleDescription(chart->toCsv());
}

}  // namespace vitrine
