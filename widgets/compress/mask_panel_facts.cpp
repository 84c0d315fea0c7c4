// How much a mask keeps, and which patterns its groups of four have.
#include "widgets/compress/mask_panel.h"
#include "widgets/plots/chart.h"

#include <QLabel>
#include <algorithm>

namespace vitrine {
namespace {

constexpr double kBarWidth = 0.36;

QString percentText(double part) {
    return QStringLiteral("%1 %").arg(100 * part, 0, 'f', 1);
}

ChartSeries barsOf(const QString& name, const std::array<int64_t, 6>& counts, int64_t groups, double shift,
                   const QColor& color) {
    ChartSeries series;
    series.name = name;
    series.color = color;
    series.barWidth = kBarWidth;
    for (size_t index = 0; index < counts.size(); ++index) {
        series.x.append(double(index) + shift);
        series.y.append(groups > 0 ? double(counts[index]) / double(groups) : 0);
    }
    return series;
}

}  // namespace

void MaskPanel::refreshFacts() {
    if (!view_) {
        facts_->setText(problem_);
        histogram_->setSeries({});
        return;
    }
    const MaskFacts& facts = view_->facts;
    QStringList parts{tr("%1 of the weights stay, with %2 of their energy")
                          .arg(percentText(facts.keptPart), percentText(facts.energyKept))};
    if (view_->matrix.other)
        parts.append(tr("the other mask keeps %1 with %2; %3 of the places differ")
                         .arg(percentText(facts.otherKeptPart), percentText(facts.otherEnergyKept),
                              percentText(facts.flippedPart)));
    if (facts.otherwise > 0)
        parts.append(
            tr("%1 of the groups of four keep more or fewer than two")
                .arg(percentText(double(facts.otherwise) / double(std::max<int64_t>(1, facts.groups)))));
    facts_->setText(parts.join(QStringLiteral(" · ")));
    std::vector<ChartSeries> series{barsOf(tr("mask"), facts.patterns, facts.groups,
                                           view_->matrix.other ? -kBarWidth / 2 : 0, chartColor(0))};
    if (view_->matrix.other)
        series.push_back(
            barsOf(tr("other"), facts.otherPatterns, facts.groups, kBarWidth / 2, chartColor(1)));
    histogram_->setSeries(std::move(series));
    histogram_->setAccessibleName(tr("Patterns of groups of four"));
    histogram_->setAccessibleDescription(toCsv());
}

QString MaskPanel::toCsv() const {
    QString csv = QStringLiteral("pattern,groups,other\n");
    if (!view_)
        return csv;
    for (size_t index = 0; index < kPatternNames.size(); ++index)
        csv += QStringLiteral("%1,%2,%3\n")
                   .arg(QString::fromLatin1(kPatternNames[index]))
                   .arg(view_->facts.patterns[index])
                   .arg(view_->facts.otherPatterns[index]);
    return csv;
}

}  // namespace vitrine
