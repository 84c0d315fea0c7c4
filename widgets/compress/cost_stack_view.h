// What each layer of an architecture costs beside the same layer of its parent: memory as weights and cache,
// time as the prompt and the tokens after it. The last bars are what lies outside of the layers.
#pragma once

#include "widgets/compress/puzzle_results.h"
#include "widgets/plots/chart.h"

class QLabel;

namespace vitrine {

class CostStackView : public QWidget {
    Q_OBJECT
  public:
    explicit CostStackView(QWidget* parent = nullptr);

    // Both in the same use; an empty stack: `why` says why there is none.
    void show(const QString& name, const PuzzleStack& stack, const PuzzleStack& parent, const QString& why);

  private:
    Chart *memory_, *time_;
    QLabel* facts_;
};

// Bars from zero, the whole behind its lower part: what of the first is not covered is the upper part.
// In MB, or ms; layers at whole numbers of x, the parent's bar to the left.
std::vector<ChartSeries> memorySeries(const QString& name, const PuzzleStack& stack,
                                      const PuzzleStack& parent);
// Empty where nothing was timed.
std::vector<ChartSeries> timeSeries(const QString& name, const PuzzleStack& stack, const PuzzleStack& parent);
PuzzleCost sumOf(const PuzzleStack& stack);

}  // namespace vitrine
