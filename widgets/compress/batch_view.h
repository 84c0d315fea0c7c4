// What a search found for each number of sequences at once: the throughput of the best architecture where
// times were measured, else its score.
#pragma once

#include "widgets/compress/puzzle_results.h"
#include "widgets/plots/chart.h"

class QLabel;

namespace vitrine {

class BatchView : public QWidget {
    Q_OBJECT
  public:
    explicit BatchView(QWidget* parent = nullptr);

    void show(const std::vector<PuzzleBatch>& batches);

  private:
    Chart* chart_;
    QLabel* facts_;
};

// Of those that have an architecture; the second series is the one that was kept.
std::vector<ChartSeries> batchSeries(const std::vector<PuzzleBatch>& batches);
// "batch 8: score 0.41, 1.2 MB, 900 tokens a second, kept", one line for each.
QString batchLines(const std::vector<PuzzleBatch>& batches);

}  // namespace vitrine
