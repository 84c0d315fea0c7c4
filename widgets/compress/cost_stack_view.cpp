#include "widgets/compress/cost_stack_view.h"

#include "widgets/compress/model_tree.h"

#include <QLabel>
#include <QVBoxLayout>

namespace vitrine {
namespace {

constexpr double kBarWidth = 0.36;
constexpr size_t kLowerColor = 0, kUpperColor = 1;

// What a bar is made of, from below.
struct Parts {
    QString lower, upper;
    double PuzzleCost::*lowerCost;
    double PuzzleCost::*upperCost;
    double unit;
};

Parts partsOf(PuzzleCostKind kind) {
    if (kind == PuzzleCostKind::Memory)
        return {QObject::tr("weights"), QObject::tr("cache"), &PuzzleCost::weights, &PuzzleCost::cache, 1e6};
    return {QObject::tr("tokens"), QObject::tr("prompt"), &PuzzleCost::generateSeconds,
            &PuzzleCost::promptSeconds, 1e-3};
}

// A pair of series for one model: its lower part, and up to the whole.
void addBars(std::vector<ChartSeries>& all, const PuzzleStack& stack, bool dense, const Parts& what) {
    ChartSeries sums, lower;
    const QString whose = dense ? QObject::tr("parent: ") : QString();
    sums.name = QStringLiteral("%1%2 + %3").arg(whose, what.lower, what.upper);
    lower.name = whose + what.lower;
    sums.color = chartColor(kUpperColor);
    lower.color = chartColor(kLowerColor);
    const auto add = [&](const PuzzleCost& cost) {
        const double x = double(sums.x.size()) + (dense ? -kBarWidth / 2 : kBarWidth / 2);
        sums.x.append(x);
        sums.y.append((cost.*what.lowerCost + cost.*what.upperCost) / what.unit);
        lower.x.append(x);
        lower.y.append(cost.*what.lowerCost / what.unit);
    };
    for (const PuzzleCost& layer : stack.layers)
        add(layer);
    add(stack.outside);
    sums.low = lower.y;
    for (ChartSeries* series : {&sums, &lower}) {
        series->barWidth = kBarWidth;
        series->dashed = dense;
        all.push_back(std::move(*series));
    }
}

}  // namespace

std::vector<ChartSeries> costSeries(PuzzleCostKind kind, const PuzzleStack& stack,
                                    const PuzzleStack& parent) {
    std::vector<ChartSeries> all;
    if (stack.layers.empty() || (kind == PuzzleCostKind::Time && sumOf(parent).generateSeconds <= 0))
        return all;
    addBars(all, parent, true, partsOf(kind));
    addBars(all, stack, false, partsOf(kind));
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

CostStackView::CostStackView(PuzzleCostKind kind, QWidget* parent)
    : QWidget(parent), kind_(kind), chart_(new Chart), facts_(new QLabel), key_(new QLabel) {
    const bool memory = kind == PuzzleCostKind::Memory;
    setObjectName(memory ? "puzzleMemoryView" : "puzzleTimeView");
    chart_->setObjectName(memory ? "puzzleMemory" : "puzzleTime");
    chart_->setAxes(tr("layer"), memory ? tr("MB") : tr("ms"));
    chart_->setToolTip(
        memory ? tr("Memory of each layer beside the parent's in the same use")
               : tr("Time of each layer, measured part by part, beside the parent's in the same use"));
    // Four names would take most of a small plot.
    chart_->setLegendShown(false);
    const Parts parts = partsOf(kind);
    key_->setObjectName(memory ? "puzzleMemoryKey" : "puzzleTimeKey");
    key_->setText(
        tr("<span style=\"color:%1\">■</span> %2 &nbsp; <span style=\"color:%3\">■</span> %4 &nbsp; "
           "pale: the parent's")
            .arg(chartColor(kLowerColor).name(), parts.lower, chartColor(kUpperColor).name(), parts.upper));
    facts_->setObjectName(memory ? "puzzleMemoryFacts" : "puzzleTimeFacts");
    facts_->setWordWrap(true);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2);
    layout->addWidget(facts_);
    layout->addWidget(key_);
    layout->addWidget(chart_, 1);
}

void CostStackView::show(const QString& title, const PuzzleStack& stack, const PuzzleStack& parent,
                         const QString& why) {
    QStringList layers;
    for (size_t layer = 0; layer < stack.layers.size(); ++layer)
        layers.append(QString::number(layer));
    layers.append(tr("outside"));
    chart_->setXNames(layers);
    chart_->setSeries(costSeries(kind_, stack, parent));
    chart_->setAccessibleDescription(chart_->toCsv());
    key_->setVisible(!chart_->series().empty());
    facts_->setText(stack.layers.empty() ? why : title + text(stack, parent));
}

QString CostStackView::text(const PuzzleStack& stack, const PuzzleStack& parent) const {
    const PuzzleCost own = sumOf(stack), whole = sumOf(parent);
    if (kind_ == PuzzleCostKind::Memory)
        return tr("%1: %2 of weights and %3 of cache (parent %4 and %5)")
            .arg(stack.use, sizeText(own.weights), sizeText(own.cache), sizeText(whole.weights),
                 sizeText(whole.cache));
    if (whole.generateSeconds <= 0)
        return tr("%1: nothing was timed in this use").arg(stack.use);
    return tr("%1: prompt %2 ms, tokens %3 ms (parent %4 and %5)")
        .arg(stack.use)
        .arg(1e3 * own.promptSeconds, 0, 'f', 2)
        .arg(1e3 * own.generateSeconds, 0, 'f', 1)
        .arg(1e3 * whole.promptSeconds, 0, 'f', 2)
        .arg(1e3 * whole.generateSeconds, 0, 'f', 1);
}

}  // namespace vitrine
