#include "widgets/compress/batch_view.h"

#include "widgets/compress/model_tree.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {
namespace {

bool areTimed(const std::vector<PuzzleBatch>& batches) {
    return std::any_of(batches.begin(), batches.end(),
                       [](const PuzzleBatch& each) { return each.tokensPerSecond > 0; });
}

}  // namespace

std::vector<ChartSeries> batchSeries(const std::vector<PuzzleBatch>& batches) {
    const bool timed = areTimed(batches);
    ChartSeries all, kept;
    all.name = QObject::tr("best of each batch");
    all.points = true;
    kept.name = QObject::tr("kept");
    kept.line = false;
    kept.points = true;
    kept.color = chartColor(4);
    for (const PuzzleBatch& each : batches) {
        if (!each.problem.isEmpty())
            continue;
        const double value = timed ? each.tokensPerSecond : each.score;
        all.x.append(double(each.batch));
        all.y.append(value);
        if (each.kept) {
            kept.x.append(double(each.batch));
            kept.y.append(value);
        }
    }
    if (all.x.isEmpty())
        return {};
    return {all, kept};
}

QString batchLines(const std::vector<PuzzleBatch>& batches) {
    QStringList lines;
    for (const PuzzleBatch& each : batches) {
        QString line = QObject::tr("batch %1: ").arg(each.batch);
        if (each.problem.isEmpty()) {
            line += QObject::tr("score %1, %2").arg(each.score, 0, 'f', 4).arg(sizeText(each.bytes));
            if (each.tokensPerSecond > 0)
                line += QObject::tr(", %1 tokens a second").arg(each.tokensPerSecond, 0, 'f', 0);
            if (each.kept)
                line += QObject::tr(", kept");
        } else {
            line += each.problem;
        }
        lines.append(line);
    }
    return lines.join('\n');
}

BatchView::BatchView(QWidget* parent) : QWidget(parent), chart_(new Chart), facts_(new QLabel) {
    setObjectName("puzzleBatchView");
    chart_->setObjectName("puzzleBatchChart");
    facts_->setObjectName("puzzleBatchFacts");
    facts_->setWordWrap(true);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(facts_);
    layout->addWidget(chart_, 1);
}

void BatchView::show(const std::vector<PuzzleBatch>& batches) {
    chart_->setAxes(tr("sequences at once"),
                    areTimed(batches) ? tr("tokens per second") : tr("sum of scores"));
    chart_->setSeries(batchSeries(batches));
    chart_->setAccessibleDescription(chart_->toCsv());
    facts_->setText(batches.empty()
                        ? tr("One number of sequences: name several at the budgets to compare them")
                        : batchLines(batches));
}

}  // namespace vitrine
