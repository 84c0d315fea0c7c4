// The two tables of a claim: its rules, and what each arm of its experiment measured.
#include "widgets/runs/claims_tables.h"

#include "widgets/base/theme.h"
#include "widgets/runs/claims_board.h"

#include <QHeaderView>
#include <QTableWidget>
#include <algorithm>
#include <cmath>

namespace vitrine {

namespace {

constexpr int kNumberGap = 8;  // pixels between columns of numbers

QString claimNumber(double value) {
    return std::isnan(value) ? QStringLiteral("–") : QString::number(value, 'g', 4);
}

QString meanText(const std::vector<double>& values) {
    const auto [mean, deviation] = meanAndDeviation(values);
    if (std::isnan(mean))
        return QStringLiteral("–");
    return values.size() < 2 ? claimNumber(mean)
                             : QStringLiteral("%1 ± %2").arg(claimNumber(mean)).arg(deviation, 0, 'g', 2);
}

QString valuesText(const std::vector<double>& values, const std::vector<int64_t>& seeds) {
    QStringList lines;
    for (size_t index = 0; index < values.size(); ++index)
        lines.append(ClaimsBoard::tr("seed %1: %2")
                         .arg(index < seeds.size() ? QString::number(seeds[index]) : QStringLiteral("?"))
                         .arg(values[index], 0, 'g', 8));
    return lines.join('\n');
}

}  // namespace

std::pair<double, double> meanAndDeviation(const std::vector<double>& values) {
    if (values.empty())
        return {std::nan(""), 0};
    double sum = 0, squares = 0;
    for (const double value : values)
        sum += value;
    const double mean = sum / double(values.size());
    for (const double value : values)
        squares += (value - mean) * (value - mean);
    return {mean, values.size() < 2 ? 0 : std::sqrt(squares / double(values.size() - 1))};
}

QTableWidgetItem* claimCell(const QString& text, bool number) {
    auto* item = new QTableWidgetItem(text);
    item->setTextAlignment((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    item->setToolTip(text);
    return item;
}

QTableWidget* claimTable(const QString& name, const QStringList& header, const QStringList& tips) {
    auto* table = new QTableWidget(0, int(header.size()));
    table->setObjectName(name);
    table->setHorizontalHeaderLabels(header);
    for (int column = 0; column < header.size(); ++column)
        table->horizontalHeaderItem(column)->setToolTip(tips.value(column));
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setSelectionMode(QAbstractItemView::SingleSelection);
    table->setAlternatingRowColors(true);
    table->setShowGrid(false);
    table->setWordWrap(false);
    table->verticalHeader()->hide();
    table->verticalHeader()->setDefaultSectionSize(28);
    table->horizontalHeader()->setHighlightSections(false);
    table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    table->horizontalHeader()->setStretchLastSection(true);
    return table;
}

void ClaimsBoard::fillRules(const ClaimLine& line) {
    const ThemeColors& colors = Theme::instance().colors();
    const std::vector<ClaimRule> all = line.verdict ? line.verdict->rules : std::vector<ClaimRule>();
    rules_->setRowCount(int(all.size()));
    QStringList spoken;
    for (int row = 0; row < int(all.size()); ++row) {
        const ClaimRule& rule = all[size_t(row)];
        const QString limit = QStringLiteral("%1 %2").arg(rule.atLeast ? "≥" : "≤", claimNumber(rule.limit));
        rules_->setItem(row, 0, claimCell(rule.text));
        rules_->setItem(row, 1, claimCell(claimNumber(rule.measured), true));
        rules_->setItem(row, 2, claimCell(limit, true));
        auto* spread = claimCell(rule.bySeed.empty() ? QStringLiteral("–") : meanText(rule.bySeed), true);
        if (!rule.bySeed.empty())
            spread->setToolTip(valuesText(rule.bySeed, line.verdict->seeds));
        rules_->setItem(row, 3, spread);
        auto* verdict = claimCell(rule.holds ? tr("holds") : tr("FAILS"));
        rules_->setItem(row, 4, verdict);
        for (int column = 0; column < 5; ++column)
            if (!rule.holds || column == 4)
                rules_->item(row, column)->setForeground(rule.holds ? colors.good : colors.bad);
        spoken.append(QStringLiteral("%1: %2 %3 %4")
                          .arg(rule.text, claimNumber(rule.measured), limit, verdict->text()));
    }
    // A rule is read whole: over several lines where it is long.
    rules_->setWordWrap(true);
    rules_->horizontalHeader()->setStretchLastSection(false);
    rules_->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    for (int column = 1; column < rules_->columnCount(); ++column) {
        rules_->resizeColumnToContents(column);
        rules_->setColumnWidth(column, rules_->columnWidth(column) + kNumberGap);
    }
    rules_->verticalHeader()->setMinimumSectionSize(rules_->verticalHeader()->defaultSectionSize());
    rules_->verticalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    rules_->setAccessibleName(tr("Rules"));
    rules_->setAccessibleDescription(spoken.join("; "));
}

void ClaimsBoard::fillArms(const ClaimLine& line) {
    QStringList header{tr("Metric")};
    QStringList metrics;  // in the order of the arms, so that those of like arms stand together
    if (line.verdict)
        for (const auto& [arm, values] : line.verdict->arms) {
            header.append(arm);
            for (const auto& [metric, bySeed] : values)
                if (!metrics.contains(metric))
                    metrics.append(metric);
        }
    arms_->clear();
    arms_->setColumnCount(int(header.size()));
    arms_->setHorizontalHeaderLabels(header);
    arms_->setRowCount(int(metrics.size()));
    int row = 0;
    for (const QString& metric : metrics) {
        arms_->setItem(row, 0, claimCell(metric));
        int column = 1;
        for (const auto& [arm, values] : line.verdict->arms) {
            const auto found = values.find(metric);
            auto* item =
                claimCell(found == values.end() ? QStringLiteral("–") : meanText(found->second), true);
            if (found != values.end())
                item->setToolTip(valuesText(found->second, line.verdict->seeds));
            arms_->setItem(row, column++, item);
        }
        ++row;
    }
    arms_->setAccessibleName(tr("Arms"));
    arms_->setAccessibleDescription(header.mid(1).join(", "));
    arms_->resizeColumnsToContents();
    arms_->setColumnWidth(0, std::clamp(arms_->columnWidth(0), 120, 260));
    for (int column = 1; column < header.size(); ++column)
        arms_->setColumnWidth(column, arms_->columnWidth(column) + kNumberGap);
}

}  // namespace vitrine
