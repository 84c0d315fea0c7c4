#include "widgets/compress/plan_results.h"

#include "widgets/base/theme.h"

#include <QCoreApplication>
#include <QMap>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int kKeyPart = 24;

QString tr(const char* text) {
    return QCoreApplication::translate("PlanResults", text);
}

double costOf(const PlanResult& result, CostAxis axis) {
    return axis == CostAxis::Bytes        ? result.bytes
           : axis == CostAxis::Operations ? result.operations
                                          : result.bitsPerWeight;
}

// A logarithmic axis and a comparison take nothing else.
bool isPlaced(const PlanResult& result, CostAxis axis) {
    return std::isfinite(costOf(result, axis)) && costOf(result, axis) > 0 && std::isfinite(result.loss());
}

QVariant cell(double value) {
    return std::isfinite(value) ? QVariant(value) : QVariant();
}

// A control of masks is named by its pattern ("random control 2:4"), one of structures by the plan.
bool isControlOf(const PlanResult& control, const PlanResult& each) {
    if (!each.controlPlan.isEmpty())
        return control.plan == each.controlPlan;
    return each.method.split(' ').contains(control.plan.section(' ', 2, 2));
}

QString keptOf(const PlanResult& each) {
    return each.best ? tr("best") : each.folder ? tr("yes") : QString();
}

TableContent encodersTable(const PlanResults& results, const QString& key) {
    TableContent content;
    content.significant = 5;
    content.header = {
        tr("plan"),         tr("feature error"), tr("to random"), tr("cosine"),      tr("summary"),
        tr("right %"),      tr("found %"),       tr("mIoU %"),    tr("bits/weight"), tr("MB"),
        tr("operations %"), tr("error"),         tr("seconds"),   tr("run"),         tr("kept")};
    content.headerTips = {
        tr("What was done; the dense encoder and the random controls are rows of their own"),
        tr("Squared difference of the features relative to the dense encoder's, on pictures that were not "
           "calibrated with"),
        tr("Paired with the random control: below zero is better than chance"),
        tr("Mean cosine of the features to the dense encoder's, cell by cell"),
        tr("Mean cosine of the summaries to the dense encoder's"),
        tr("Labelled pictures told right: by the encoder's own head, or by the nearest other picture"),
        tr("Places of warped pictures found again by their features, within one cell"),
        tr("Mean intersection over union of a linear segmentation probe on these features"),
        tr("Of the layers in blocks as they are saved, low-rank path included"),
        tr("Of the layers in blocks as they are saved"),
        tr("Of one picture, as a part of the dense encoder's; masks save none by themselves"),
        tr("Mean of the layers' errors relative to their outputs"),
        tr("Calibration, compression and evaluation"),
        tr("The run it comes from"),
        tr("Whether a model folder of it was kept")};
    for (const size_t index : resultsWith(results, key)) {
        const PlanResult& each = results[index];
        content.rows.push_back({each.plan, cell(each.featureError), cell(each.toRandom),
                                cell(each.featureCosine), cell(each.summaryCosine), cell(100 * each.accuracy),
                                cell(100 * each.correspondence), cell(100 * each.meanIntersection),
                                cell(each.bitsPerWeight), cell(each.bytes / 1e6), cell(100 * each.operations),
                                cell(each.relativeError), cell(each.seconds), each.run, keptOf(each)});
    }
    return content;
}

}  // namespace

QStringList metricKeys(const PlanResults& results) {
    QMap<QString, int> counts;
    for (const PlanResult& each : results)
        ++counts[each.key];
    QStringList keys = counts.keys();
    std::stable_sort(keys.begin(), keys.end(),
                     [&](const QString& a, const QString& b) { return counts[a] > counts[b]; });
    return keys;
}

QString shortKey(const QString& key) {
    QStringList parts = key.split(' ');
    for (QString& part : parts)
        if (part.size() > kKeyPart)
            part = part.left(kKeyPart) + QStringLiteral("…");
    return parts.join(' ');
}

void pairDifferences(PlanResults& results) {
    for (PlanResult& each : results) {
        each.toDense = each.toRandom = PlanResult::kUnknown;
        for (const PlanResult& other : results) {
            if (other.runId != each.runId || other.key != each.key)
                continue;
            if (other.dense && !each.dense)
                each.toDense = each.loss() - other.loss();
            if (other.control && !each.control && !each.dense && isControlOf(other, each))
                each.toRandom = each.loss() - other.loss();
        }
    }
}

std::vector<size_t> resultsWith(const PlanResults& results, const QString& key) {
    std::vector<size_t> rows;
    for (size_t index = 0; index < results.size(); ++index)
        if (results[index].key == key)
            rows.push_back(index);
    return rows;
}

std::vector<size_t> paretoFront(const PlanResults& results, const QString& key, CostAxis axis) {
    std::vector<size_t> order;
    for (const size_t index : resultsWith(results, key))
        if (isPlaced(results[index], axis) && !results[index].control)
            order.push_back(index);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        const double costA = costOf(results[a], axis), costB = costOf(results[b], axis);
        return costA != costB ? costA < costB : results[a].loss() < results[b].loss();
    });
    std::vector<size_t> front;
    for (const size_t index : order)
        if (front.empty() || results[index].loss() < results[front.back()].loss())
            front.push_back(index);
    return front;
}

bool isOfEncoders(const PlanResults& results, const QString& key) {
    return std::any_of(results.begin(), results.end(),
                       [&](const PlanResult& each) { return each.key == key && each.encoder; });
}

QString lossTitle(const PlanResults& results, const QString& key) {
    return isOfEncoders(results, key) ? tr("feature error") : tr("nats per token");
}

TableContent resultsTable(const PlanResults& results, const QString& key) {
    if (isOfEncoders(results, key))
        return encodersTable(results, key);
    TableContent content;
    content.significant = 5;
    content.header = {tr("plan"),       tr("nats/token"), tr("to dense"),    tr("to random"),
                      tr("perplexity"), tr("bits/byte"),  tr("bits/weight"), tr("MB"),
                      tr("error"),      tr("seconds"),    tr("run"),         tr("kept")};
    content.headerTips = {
        tr("What was done; the dense model and the random control are rows of their own"),
        tr("Mean negative log-likelihood of the evaluation text"),
        tr("Paired with the dense model of the same run, on the same windows: nats per token"),
        tr("Paired with the random mask of the same pattern: below zero is better than chance"),
        tr("exp(nats per token)"),
        tr("Does not depend on the tokenizer"),
        tr("Of the compressed layers as they are saved, low-rank path included"),
        tr("Of the compressed layers as they are saved"),
        tr("Mean of the layers' errors relative to their outputs"),
        tr("Calibration, compression and evaluation"),
        tr("The run it comes from"),
        tr("Whether a model folder of it was kept")};
    for (const size_t index : resultsWith(results, key)) {
        const PlanResult& each = results[index];
        content.rows.push_back({each.plan, cell(each.natsPerToken), cell(each.toDense), cell(each.toRandom),
                                cell(each.perplexity), cell(each.bitsPerByte), cell(each.bitsPerWeight),
                                cell(each.bytes / 1e6), cell(each.relativeError), cell(each.seconds),
                                each.run, keptOf(each)});
    }
    return content;
}

ParetoPlot paretoPlot(const PlanResults& results, const QString& key, CostAxis axis, int chosen) {
    ParetoPlot plot;
    const double unit = axis == CostAxis::Bytes ? 1e-6 : axis == CostAxis::Operations ? 100 : 1;
    const auto add = [&](const QString& name, const QColor& color, const std::vector<size_t>& rows,
                         bool line) {
        ChartSeries series;
        series.name = name;
        series.color = color;
        series.line = line;
        series.points = !line;
        for (const size_t index : rows) {
            series.x.append(costOf(results[index], axis) * unit);
            series.y.append(results[index].loss());
        }
        if (series.x.isEmpty())
            return;
        plot.series.push_back(std::move(series));
        plot.points.push_back(rows);
    };
    const auto placed = [&](const auto& wanted) {
        std::vector<size_t> rows;
        for (const size_t index : resultsWith(results, key))
            if (isPlaced(results[index], axis) && wanted(results[index]))
                rows.push_back(index);
        return rows;
    };
    add(tr("front"), chartColor(0), paretoFront(results, key, axis), true);
    QStringList runs;
    for (const size_t index : resultsWith(results, key))
        if (!runs.contains(results[index].runId))
            runs.append(results[index].runId);
    for (qsizetype number = 0; number < runs.size(); ++number) {
        const auto rows = placed([&](const PlanResult& each) {
            return each.runId == runs[number] && !each.dense && !each.control;
        });
        if (!rows.empty())
            add(runs.size() > 1 ? tr("plans of %1").arg(results[rows[0]].run) : tr("plans"),
                chartColor(size_t(number) == 0 ? 0 : size_t(number) + 2), rows, false);
    }
    add(tr("dense"), chartColor(2), placed([](const PlanResult& each) { return each.dense; }), false);
    add(tr("random control"), chartColor(4), placed([](const PlanResult& each) { return each.control; }),
        false);
    if (chosen >= 0 && size_t(chosen) < results.size() && results[size_t(chosen)].key == key &&
        isPlaced(results[size_t(chosen)], axis))
        add(tr("chosen"), chartColor(1), {size_t(chosen)}, false);
    return plot;
}

QString costAxisTitle(CostAxis axis) {
    return axis == CostAxis::Bytes        ? tr("compressed layers (MB)")
           : axis == CostAxis::Operations ? tr("operations of a picture (% of the dense encoder's)")
                                          : tr("bits per weight");
}

}  // namespace vitrine
