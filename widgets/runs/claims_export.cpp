// The claims board as CSV, Markdown and picture.
#include "widgets/runs/claims_board.h"

#include <QDateTime>
#include <algorithm>
#include <cmath>
#include <set>

namespace vitrine {
namespace {

QString quoted(QString text) {
    return QStringLiteral("\"%1\"").arg(text.replace('"', "\"\""));
}

QString full(double value) {
    return std::isnan(value) ? QString() : QString::number(value, 'g', 12);
}

QString brief(double value) {
    return std::isnan(value) ? QStringLiteral("–") : QString::number(value, 'g', 4);
}

// A bar would end the cell.
QString inCell(QString text) {
    return text.replace('|', "\\|").replace('\n', ' ');
}

QString spread(const std::vector<double>& values) {
    if (values.empty())
        return QStringLiteral("–");
    const auto [mean, deviation] = meanAndDeviation(values);
    return QStringLiteral("%1 ± %2").arg(brief(mean), QString::number(deviation, 'g', 2));
}

QString markdownOf(const ClaimLine& line) {
    QString out =
        QStringLiteral("\n## %1: %2\n\n%3\n\n").arg(line.system, claimStateText(line), line.statement);
    out += QStringLiteral("Source: %1  \nRule: %2\n").arg(line.source, line.rule);
    if (!line.note.isEmpty())
        out += QStringLiteral("\nNote: %1\n").arg(line.note);
    if (!line.verdict)
        return out;
    out += QStringLiteral("\n| rule | measured | limit | spread over seeds | |\n|---|--:|--:|--:|---|\n");
    for (const ClaimRule& rule : line.verdict->rules)
        out += QStringLiteral("| %1 | %2 | %3 %4 | %5 | %6 |\n")
                   .arg(inCell(rule.text), brief(rule.measured), rule.atLeast ? "≥" : "≤", brief(rule.limit),
                        spread(rule.bySeed), rule.holds ? "holds" : "**FAILS**");
    std::set<QString> metrics;
    QString header = QStringLiteral("\n| metric |"), rule = QStringLiteral("|---|");
    for (const auto& [arm, values] : line.verdict->arms) {
        header += QStringLiteral(" %1 |").arg(inCell(arm));
        rule += "--:|";
        for (const auto& [metric, bySeed] : values)
            metrics.insert(metric);
    }
    out += header + "\n" + rule + "\n";
    for (const QString& metric : metrics) {
        out += QStringLiteral("| %1 |").arg(inCell(metric));
        for (const auto& [arm, values] : line.verdict->arms)
            out += QStringLiteral(" %1 |").arg(values.contains(metric) ? spread(values.at(metric))
                                                                       : QStringLiteral("–"));
        out += "\n";
    }
    return out;
}

}  // namespace

QString ClaimsBoard::toCsv() const {
    QString out =
        QStringLiteral("claim,state,part,name,metric,seed,value,relation,limit,holds,run,version\n");
    for (const ClaimLine& line : lines_) {
        const QString head = quoted(line.name) + "," + quoted(claimStateText(line));
        if (!line.verdict) {
            out += head + ",none,,,,,,,,,\n";
            continue;
        }
        const QString tail = "," + line.verdict->run + "," + quoted(line.verdict->version) + "\n";
        const auto seed = [&](size_t index) {
            return index < line.verdict->seeds.size() ? QString::number(line.verdict->seeds[index])
                                                      : QString();
        };
        for (const ClaimRule& rule : line.verdict->rules) {
            const QString wanted =
                QStringLiteral(",%1,%2,").arg(rule.atLeast ? ">=" : "<=", full(rule.limit));
            out += head + ",rule," + quoted(rule.text) + ",,all," + full(rule.measured) + wanted +
                   (rule.holds ? "yes" : "no") + tail;
            for (size_t index = 0; index < rule.bySeed.size(); ++index)
                out += head + ",rule," + quoted(rule.text) + ",," + seed(index) + "," +
                       full(rule.bySeed[index]) + wanted + tail;
        }
        for (const auto& [arm, metrics] : line.verdict->arms)
            for (const auto& [metric, values] : metrics)
                for (size_t index = 0; index < values.size(); ++index)
                    out += head + ",arm," + quoted(arm) + "," + quoted(metric) + "," + seed(index) + "," +
                           full(values[index]) + ",,," + tail;
    }
    return out;
}

QString ClaimsBoard::toMarkdown() const {
    QString out = QStringLiteral(
        "# Claims\n\n| system | verdict | rules that hold | seeds | measured | version | run "
        "|\n|---|---|--:|--:|---|---|---|\n");
    for (const ClaimLine& line : lines_) {
        out += QStringLiteral("| %1 | %2 |").arg(inCell(line.system), claimStateText(line));
        if (!line.verdict) {
            out += " – | – | – | – | – |\n";
            continue;
        }
        const auto& rules = line.verdict->rules;
        const auto holding =
            std::count_if(rules.begin(), rules.end(), [](const ClaimRule& rule) { return rule.holds; });
        out +=
            QStringLiteral(" %1 of %2 | %3 | %4 | %5 | %6 |\n")
                .arg(holding)
                .arg(rules.size())
                .arg(line.verdict->seeds.size())
                .arg(QDateTime::fromSecsSinceEpoch(qint64(line.verdict->when)).toString("yyyy-MM-dd HH:mm"),
                     inCell(line.verdict->version), line.verdict->run);
    }
    for (const ClaimLine& line : lines_)
        out += markdownOf(line);
    return out;
}

QImage ClaimsBoard::toImage() {
    return grab().toImage();
}

}  // namespace vitrine
